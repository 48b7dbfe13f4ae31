//! Logs and metrics. Label values come from finite sets, or are names of SignerBindings and of their Deployments: never a name of another
//! object, never an error's text.

mod binding_metrics;
mod counts;
mod labels;
pub mod state_metrics;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crds::SignerBinding;
use kube::runtime::controller::Action;
use prometheus::core::Collector;
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use tracing_subscriber::EnvFilter;

use crate::cluster::liveness::Liveness;
use crate::cluster::stores::Stores;
use crate::model::error::Error;
use crate::telemetry::state_metrics::StateMetrics;

/// Upper bounds of the histogram, in seconds.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A kind of object that the operator writes, as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Deployment,
    Event,
    Service,
    ServiceAccount,
    SignerBinding,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Deployment,
        Self::Event,
        Self::Service,
        Self::ServiceAccount,
        Self::SignerBinding,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::Event => "Event",
            Self::Service => "Service",
            Self::ServiceAccount => "ServiceAccount",
            Self::SignerBinding => "SignerBinding",
        }
    }
}

const OK: &str = "ok";
const CONFLICT: &str = "conflict";

/// The operator's metrics.
pub struct Metrics {
    registry: Registry,
    reconciles: IntCounterVec,
    duration: Histogram,
    writes: IntCounterVec,
    conflicts: IntCounterVec,
    repairs: IntCounter,
    watch_failures: IntCounter,
    leader: IntGauge,
    watch_ages: IntGaugeVec,
    build: IntGaugeVec,
    states: StateMetrics,
    /// One scrape at a time.
    scrape: Mutex<()>,
    /// Watches and reconciles that are under way.
    pub progress: Liveness,
}

impl Metrics {
    /// Registers every metric. Counters exist from the start, so that the first event is seen as an increase.
    ///
    /// # Errors
    /// Fails if two metrics share a name, which is a defect of this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        Self::showing(true)
    }

    /// All metrics without object names.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn without_names() -> Result<Self, prometheus::Error> {
        Self::showing(false)
    }

    fn showing(names: bool) -> Result<Self, prometheus::Error> {
        let counters = |name: &str, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let gauges = |name: &str, help: &str, labels: &[&str]| IntGaugeVec::new(Opts::new(name, help), labels);
        let duration = HistogramOpts::new(
            "atto_signer_operator_reconcile_duration_seconds",
            "Duration of reconciles.",
        );
        let metrics = Self {
            registry: Registry::new(),
            reconciles: counters(
                "atto_signer_operator_reconciles_total",
                "Reconciles by result. The log has the cause of every result other than ok.",
                &["result"],
            )?,
            duration: Histogram::with_opts(duration.buckets(BUCKETS.to_vec()))?,
            writes: counters(
                "atto_signer_operator_writes_total",
                "Write requests by kind of object and result. None while nothing changes.",
                &["kind", "result"],
            )?,
            conflicts: counters(
                "atto_signer_operator_conflicts_total",
                "Writes answered with 409: another manager owns the field, or the object changed in the meantime.",
                &["kind", "cause"],
            )?,
            repairs: IntCounter::new(
                "atto_signer_operator_repairs_total",
                "Injected Deployments restored after a change by another client.",
            )?,
            watch_failures: IntCounter::new(
                "atto_signer_operator_watch_failures_total",
                "Watches that ended with an error and were restarted.",
            )?,
            leader: IntGauge::new(
                "atto_signer_operator_leader",
                "1 while this operator is the leader, 0 while it waits.",
            )?,
            watch_ages: gauges(
                "atto_signer_operator_watch_age_seconds",
                "Seconds since the last answer to the watch. Each watch is re-established every 200 s.",
                &["resource"],
            )?,
            build: gauges(
                "atto_signer_operator_build_info",
                "The running version. The value is always 1.",
                &["version"],
            )?,
            states: StateMetrics::new(names)?,
            scrape: Mutex::default(),
            progress: Liveness::default(),
        };
        metrics.begin();
        for collector in metrics.collectors() {
            metrics.registry.register(collector)?;
        }
        Ok(metrics)
    }

    fn begin(&self) {
        self.build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        for result in Error::CATEGORIES.into_iter().chain([OK]) {
            self.reconciles.with_label_values(&[result]);
        }
        for kind in Kind::ALL.map(Kind::label) {
            for result in Error::CATEGORIES.into_iter().chain([OK, CONFLICT]) {
                self.writes.with_label_values(&[kind, result]);
            }
            for cause in Error::CONFLICTS {
                self.conflicts.with_label_values(&[kind, cause]);
            }
        }
    }

    /// The collectors of all metrics.
    pub fn collectors(&self) -> Vec<Box<dyn Collector>> {
        let own: [Box<dyn Collector>; 9] = [
            Box::new(self.reconciles.clone()),
            Box::new(self.duration.clone()),
            Box::new(self.writes.clone()),
            Box::new(self.conflicts.clone()),
            Box::new(self.repairs.clone()),
            Box::new(self.watch_failures.clone()),
            Box::new(self.leader.clone()),
            Box::new(self.watch_ages.clone()),
            Box::new(self.build.clone()),
        ];
        own.into_iter().chain(self.states.collectors()).collect()
    }

    pub fn reconcile(&self, result: &Result<Action, Error>, took: Duration) {
        let result = result.as_ref().map_or_else(Error::category, |_| OK);
        self.reconciles.with_label_values(&[result]).inc();
        self.duration.observe(took.as_secs_f64());
    }

    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    pub fn repaired(&self, binding: &SignerBinding, deployment: &str) {
        self.repairs.inc();
        if let Some(named) = self.states.named() {
            named.repaired(binding, deployment);
        }
    }

    pub fn watch_failed(&self) {
        self.watch_failures.inc();
    }

    pub fn write<T>(&self, kind: Kind, result: &Result<T, Error>) {
        let kind = kind.label();
        if let Some(cause) = result.as_ref().err().and_then(Error::conflict) {
            self.conflicts.with_label_values(&[kind, cause]).inc();
        }
        let result = match result {
            Ok(_) => OK,
            Err(error) if error.is_conflict() => CONFLICT,
            Err(error) => error.category(),
        };
        self.writes.with_label_values(&[kind, result]).inc();
    }

    /// All metrics in Prometheus' text format. Includes the state of the cluster once the watches are available.
    ///
    /// # Errors
    /// Fails if a metric cannot be written as text.
    pub fn text(&self, stores: Option<&Stores>) -> Result<Vec<u8>, prometheus::Error> {
        for (resource, age) in self.progress.watch_ages(Instant::now()) {
            let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
            self.watch_ages.with_label_values(&[resource.as_str()]).set(seconds);
        }
        // Between reset and counting, another scrape would see gaps, and alerts would flap.
        let _alone = self.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stores) = stores {
            self.states.take(stores);
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

#[cfg(test)]
mod tests {
    use kube::core::DeserializeGuard;
    use kube::runtime::reflector;
    use kube::runtime::watcher::Event;
    use serde_json::json;

    use super::*;

    #[test]
    fn two_scrapes_at_once_both_see_every_binding() {
        let binding = serde_json::from_value(json!({
            "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding",
            "metadata": {"name": "voter", "namespace": "atto"},
            "spec": {
                "target": {"name": "voter"}, "capabilities": ["VOTE"], "tokenSecretRef": {"name": "t", "key": "k"},
                "key": {"local": {"secretRef": {"name": "s", "key": "k"}}},
            },
            "status": {"conditions": [{
                "type": "Ready", "status": "True", "reason": "Ready", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }]},
        }));
        let (bindings, mut seen) = reflector::store();
        for event in [
            Event::Init,
            Event::InitApply(DeserializeGuard(Ok(binding.unwrap()))),
            Event::InitDone,
        ] {
            seen.apply_watcher_event(&event);
        }
        let stores = Stores {
            bindings,
            pods: reflector::store().0,
            services: reflector::store().0,
            held: reflector::store().0,
            strays: crate::cluster::stores::Strays::default(),
        };
        let metrics = Metrics::new().unwrap();
        let counted = "atto_signer_operator_bindings{condition=\"Ready\",reason=\"Ready\",status=\"True\"} 1";
        let scrape = || {
            for _ in 0..500 {
                let text = String::from_utf8(metrics.text(Some(&stores)).unwrap()).unwrap();
                assert!(text.contains(counted), "{text}");
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(scrape);
            }
        });
    }
}
