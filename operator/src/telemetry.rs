//! Logs and metrics. Label values come from finite sets: never a name, never an error's text.

use std::time::{Duration, Instant};

use kube::runtime::controller::Action;
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use tracing_subscriber::EnvFilter;

use crate::census::Census;
use crate::controller::context::Context;
use crate::controller::error::Error;
use crate::progress::Progress;

/// What is written.
const KINDS: [&str; 5] = ["Deployment", "Event", "Service", "ServiceAccount", "SignerBinding"];

/// What the operator counts.
pub struct Metrics {
    registry: Registry,
    reconciles: IntCounterVec,
    duration: Histogram,
    writes: IntCounterVec,
    conflicts: IntCounterVec,
    watch_failures: IntCounter,
    leader: IntGauge,
    watch_ages: IntGaugeVec,
    census: Census,
    /// What is under way.
    pub progress: Progress,
}

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    /// Fails if two metrics share a name, which is a defect of this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let reconciles = IntCounterVec::new(
            Opts::new("signer_operator_reconciles_total", "Reconciles by their result."),
            &["result"],
        )?;
        let duration = Histogram::with_opts(
            HistogramOpts::new(
                "signer_operator_reconcile_duration_seconds",
                "How long reconciles take.",
            )
            .buckets(vec![
                0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
            ]),
        )?;
        let writes = IntCounterVec::new(
            Opts::new(
                "signer_operator_writes_total",
                "Requests that write, by kind and result.",
            ),
            &["kind", "result"],
        )?;
        let conflicts = IntCounterVec::new(
            Opts::new(
                "signer_operator_conflicts_total",
                "Writes that the API server refused with 409, by kind and by what had changed.",
            ),
            &["kind", "cause"],
        )?;
        registry.register(Box::new(conflicts.clone()))?;
        let build = IntGaugeVec::new(
            Opts::new(
                "signer_operator_build_info",
                "The version that runs; the value is always 1.",
            ),
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(reconciles.clone()))?;
        registry.register(Box::new(duration.clone()))?;
        registry.register(Box::new(writes.clone()))?;
        let watch_failures = IntCounter::new(
            "signer_operator_watch_failures_total",
            "Watches that ended with an error and were started again.",
        )?;
        registry.register(Box::new(watch_failures.clone()))?;
        registry.register(Box::new(build))?;
        let leader = IntGauge::new(
            "signer_operator_leader",
            "1 while this operator leads, 0 while it waits.",
        )?;
        registry.register(Box::new(leader.clone()))?;
        let watch_ages = IntGaugeVec::new(
            Opts::new(
                "signer_operator_watch_age_seconds",
                "Seconds since the watch was last answered; each is asked for anew every 200 s.",
            ),
            &["resource"],
        )?;
        registry.register(Box::new(watch_ages.clone()))?;
        let census = Census::new(&registry)?;
        // Shown from the start: of a series that begins with its first failure, Prometheus sees no increase.
        for result in ["ok"].into_iter().chain(Error::CATEGORIES) {
            reconciles.get_metric_with_label_values(&[result])?;
        }
        for (kind, cause) in KINDS
            .iter()
            .flat_map(|kind| Error::CONFLICTS.map(|cause| (*kind, cause)))
        {
            conflicts.get_metric_with_label_values(&[kind, cause])?;
        }
        Ok(Self {
            registry,
            reconciles,
            duration,
            writes,
            conflicts,
            watch_failures,
            leader,
            watch_ages,
            census,
            progress: Progress::default(),
        })
    }

    pub fn reconcile(&self, result: &Result<Action, Error>, took: Duration) {
        let result = result.as_ref().map_or_else(Error::category, |_| "ok");
        self.reconciles.with_label_values(&[result]).inc();
        self.duration.observe(took.as_secs_f64());
    }

    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    pub fn watch_failed(&self) {
        self.watch_failures.inc();
    }

    pub fn write<T>(&self, kind: &'static str, result: &Result<T, Error>) {
        if let Some(cause) = result.as_ref().err().and_then(Error::conflict) {
            self.conflicts.with_label_values(&[kind, cause]).inc();
        }
        let result = match result {
            Ok(_) => "ok",
            Err(error) if error.is_conflict() => "conflict",
            Err(error) => error.category(),
        };
        self.writes.with_label_values(&[kind, result]).inc();
    }

    /// Everything in Prometheus' text format; what there is in the cluster where the watches are known.
    ///
    /// # Errors
    /// Fails if a metric cannot be written as text.
    pub fn text(&self, context: Option<&Context>) -> Result<Vec<u8>, prometheus::Error> {
        for (resource, age) in self.progress.watch_ages(Instant::now()) {
            let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
            self.watch_ages.with_label_values(&[resource.as_str()]).set(seconds);
        }
        if let Some(context) = context {
            self.census.take(context);
        }
        let mut text = vec![];
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// Starts logging to standard error.
pub fn log(filter: &str, as_json: bool) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        format!("--log-level: found {filter:?}, expected error, warn, info, debug or trace: {error}")
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if as_json {
        builder.json().init();
    } else {
        builder.with_ansi(false).init();
    }
    Ok(())
}
