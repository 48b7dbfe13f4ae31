use std::sync::Arc;

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use tokio::time::Instant;

use super::buckets::BUCKETS;
use crate::backend::Cause;

/// The code of a cancelled attempt: another one brought the signature, or took its place.
const ABANDONED: &str = "ABANDONED";

/// Time series of a remote backend.
#[derive(Debug)]
pub struct BackendMetrics {
    /// Signatures from the cache.
    pub cache_hits: IntCounter,
    /// Requests that joined a running call.
    pub joined: IntCounter,
    /// Second attempts after 300 ms.
    pub hedges: IntCounter,
    /// Further attempts after 2 s.
    pub siblings: IntCounter,
    /// Self-tests sent.
    pub self_tests: IntCounter,
    /// 1 while only probes are admitted to the backend.
    pub breaker_open: IntGauge,
    attempts: IntCounter,
    abandoned: IntCounter,
    at_backend: IntGauge,
    waiting: IntGauge,
    signings: Series,
    public_keys: Series,
    signing_durations: Histogram,
}

#[derive(Debug)]
struct Series {
    ok: IntCounter,
    failed: Vec<IntCounter>,
}

impl Series {
    fn new(calls: &IntCounterVec, method: &str) -> Result<Self, prometheus::Error> {
        let series = |code: &str| calls.get_metric_with_label_values(&[method, code]);
        let failed = Cause::ALL.into_iter().map(|cause| series(cause.name()));
        Ok(Self {
            ok: series("OK")?,
            failed: failed.collect::<Result<_, _>>()?,
        })
    }

    fn count(&self, cause: Option<Cause>) {
        cause.map_or(&self.ok, |cause| &self.failed[cause as usize]).inc();
    }
}

impl BackendMetrics {
    /// All series, present from the start.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let calls = IntCounterVec::new(
            Opts::new(
                "atto_signer_backend_calls_total",
                "Completed calls to the backend, by method and code. ABANDONED: given up for another attempt.",
            ),
            &["method", "code"],
        )?;
        registry.register(Box::new(calls.clone()))?;
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let signing_durations = Histogram::with_opts(
            HistogramOpts::new(
                "atto_signer_backend_signing_duration_seconds",
                "Time from sending an attempt to its end, with any result.",
            )
            .buckets(BUCKETS.to_vec()),
        )?;
        registry.register(Box::new(signing_durations.clone()))?;
        Ok(Self {
            signing_durations,
            attempts: counter(
                "atto_signer_backend_attempts_total",
                "Attempts to get a signature, including self-tests. Attempts that are not counted as calls to sign are in progress.",
            )?,
            cache_hits: counter("atto_signer_cache_hits_total", "Signatures answered from the cache.")?,
            joined: counter(
                "atto_signer_joined_total",
                "Requests that joined a call for the same hash.",
            )?,
            hedges: counter("atto_signer_hedges_total", "Second attempts, sent after 300 ms.")?,
            siblings: counter("atto_signer_siblings_total", "Further attempts, sent after 2 s each.")?,
            self_tests: counter("atto_signer_self_tests_total", "Self-tests sent to the backend.")?,
            breaker_open: gauge(
                "atto_signer_breaker_open",
                "1 while the backend fails for all requests and is only probed.",
            )?,
            at_backend: gauge(
                "atto_signer_backend_hashes",
                "Hashes at the backend, of at most 100, as of the last half second.",
            )?,
            waiting: gauge(
                "atto_signer_waiting_hashes",
                "Hashes that wait for the backend, as of the last half second.",
            )?,
            abandoned: calls.get_metric_with_label_values(&["sign", ABANDONED])?,
            signings: Series::new(&calls, "sign")?,
            public_keys: Series::new(&calls, "public_key")?,
        })
    }

    /// Records that a signature is requested now.
    pub fn send(self: &Arc<Self>, now: Instant) -> Sent {
        self.attempts.inc();
        Sent {
            metrics: self.clone(),
            start: now,
            is_counted: false,
        }
    }

    /// Counts a request for the public key. `None` means success.
    pub fn count_public_key(&self, cause: Option<Cause>) {
        self.public_keys.count(cause);
    }

    /// Shows the numbers of hashes at the backend and waiting.
    pub fn show_queue(&self, at_backend: usize, waiting: usize) {
        self.at_backend.set(i64::try_from(at_backend).unwrap_or(i64::MAX));
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }
}

/// A running attempt. If it is dropped without a result, it was cancelled for another one.
#[derive(Debug)]
pub struct Sent {
    metrics: Arc<BackendMetrics>,
    start: Instant,
    is_counted: bool,
}

impl Sent {
    /// Records its end. `None` means a signature.
    pub fn end(mut self, cause: Option<Cause>, now: Instant) {
        self.is_counted = true;
        self.metrics.signings.count(cause);
        self.observe(now);
    }

    fn observe(&self, now: Instant) {
        let duration = now.saturating_duration_since(self.start);
        self.metrics.signing_durations.observe(duration.as_secs_f64());
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if !self.is_counted {
            self.metrics.abandoned.inc();
            self.observe(Instant::now());
        }
    }
}
