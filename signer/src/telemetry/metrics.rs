use std::time::Duration;

use prometheus::{
    Encoder, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder, proto::MetricFamily,
};

use super::{
    backend_metrics::BackendMetrics,
    buckets::BUCKETS,
    health::{Health, Identity},
    labels::{Outcome, Reason},
    latency::{Latencies, Spread},
    requests::Requests,
};
use crate::protocol::Kind;

const KINDS: [&str; 3] = ["block", "vote", "challenge"];
const STATISTICS: [&str; 2] = ["median", "worst"];

/// All time series, resolved once: counting needs neither a lookup nor a lock.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    signatures: Vec<Vec<IntCounter>>,
    durations: Vec<Vec<Histogram>>,
    refusals: Vec<IntCounter>,
    key: IntGaugeVec,
    backend_up: IntGauge,
    client_up: IntGauge,
    recent: GaugeVec,
    /// The duration of the last signatures.
    pub latencies: Latencies,
    /// Requests in the Kotlin signer's format.
    pub requests: Requests,
    /// Lost audit lines.
    pub audit_dropped: IntCounter,
}

impl Metrics {
    /// The series of a signer with this backend.
    pub fn new(backend: &str) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let signatures = IntCounterVec::new(
            Opts::new(
                "atto_signer_signatures_total",
                "Signing requests with the right token, by kind and outcome. The node does not send a refused request again, and sends a failed one again.",
            ),
            &["kind", "outcome"],
        )?;
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "atto_signer_signature_duration_seconds",
                "Time from the head of a signing request with the right token to its answer.",
            )
            .buckets(BUCKETS.to_vec()),
            &["kind", "outcome"],
        )?;
        let refusals = IntCounterVec::new(
            Opts::new(
                "atto_signer_refusals_total",
                "Requests that were not answered as requested, by reason.",
            ),
            &["reason"],
        )?;
        let build = IntGaugeVec::new(
            Opts::new(
                "atto_signer_build_info",
                "The running version and its backend. The value is always 1.",
            ),
            &["version", "backend"],
        )?;
        let key = IntGaugeVec::new(
            Opts::new(
                "atto_signer_key_info",
                "The key, after a first verified signature. The value is always 1.",
            ),
            &["public_key", "address"],
        )?;
        registry.register(Box::new(key.clone()))?;
        registry.register(Box::new(signatures.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        registry.register(Box::new(refusals.clone()))?;
        registry.register(Box::new(build.clone()))?;
        let up = IntGaugeVec::new(
            Opts::new(
                "atto_signer_component_up",
                "1 while the component is UP in /health, else 0.",
            ),
            &["component"],
        )?;
        registry.register(Box::new(up.clone()))?;
        let recent = GaugeVec::new(
            Opts::new(
                "atto_signer_recent_signature_seconds",
                "Duration of the last 50 signatures. total: from the head of the request to its answer (the node waits 1 s); backend: the key service's share; added: the rest.",
            ),
            &["part", "statistic"],
        )?;
        registry.register(Box::new(recent.clone()))?;
        let audit_dropped = IntCounter::new("atto_signer_audit_dropped_total", "Lost audit lines.")?;
        registry.register(Box::new(audit_dropped.clone()))?;
        let requests = Requests::new()?;
        registry.register(Box::new(requests.clone()))?;
        build
            .get_metric_with_label_values(&[env!("CARGO_PKG_VERSION"), backend])?
            .set(1);
        let by_outcome = |kind: &'static str| -> Result<Vec<IntCounter>, prometheus::Error> {
            Outcome::LABELS
                .iter()
                .map(|outcome| signatures.get_metric_with_label_values(&[kind, *outcome]))
                .collect()
        };
        let durations_by_outcome = |kind: &'static str| -> Result<Vec<Histogram>, prometheus::Error> {
            Outcome::LABELS
                .iter()
                .map(|outcome| durations.get_metric_with_label_values(&[kind, *outcome]))
                .collect()
        };
        let by_reason = |reason: &&str| refusals.get_metric_with_label_values(&[*reason]);
        Ok(Self {
            signatures: KINDS.into_iter().map(by_outcome).collect::<Result<_, _>>()?,
            durations: KINDS.into_iter().map(durations_by_outcome).collect::<Result<_, _>>()?,
            refusals: Reason::LABELS.iter().map(by_reason).collect::<Result<_, _>>()?,
            registry,
            key,
            backend_up: up.get_metric_with_label_values(&["backend"])?,
            client_up: up.get_metric_with_label_values(&["client"])?,
            recent,
            latencies: Latencies::default(),
            requests,
            audit_dropped,
        })
    }

    /// Adds the series of a remote backend. Called once.
    pub fn add_backend(&self) -> Result<BackendMetrics, prometheus::Error> {
        BackendMetrics::new(&self.registry)
    }

    /// The key has passed its self-test.
    pub fn show_key(&self, identity: &Identity) {
        let labels = [identity.public_key.as_str(), identity.address.as_str()];
        self.key.with_label_values(&labels).set(1);
    }

    /// Counts a signing request.
    pub fn count(&self, kind: Kind, outcome: Outcome, duration: Duration) {
        let (kind, outcome) = (kind as usize, outcome as usize);
        self.signatures[kind][outcome].inc();
        self.durations[kind][outcome].observe(duration.as_secs_f64());
    }

    /// Counts a request that was not answered as requested.
    pub fn refuse(&self, reason: Reason) {
        self.refusals[reason as usize].inc();
    }

    /// All present series, with this state of health.
    pub fn gather(&self, health: &Health) -> Vec<MetricFamily> {
        self.backend_up.set(health.is_ready().into());
        self.client_up.set(health.client_fault().is_none().into());
        if let Some(latency) = self.latencies.latency() {
            self.show("total", latency.total);
            latency
                .backend
                .into_iter()
                .for_each(|spread| self.show("backend", spread));
            latency.added.into_iter().for_each(|spread| self.show("added", spread));
        }
        self.registry.gather()
    }

    fn show(&self, part: &str, spread: Spread) {
        for (statistic, millis) in STATISTICS.into_iter().zip([spread.median_millis, spread.worst_millis]) {
            self.recent.with_label_values(&[part, statistic]).set(millis / 1e3);
        }
    }

    /// All present series as Prometheus text.
    pub fn render(&self, health: &Health) -> Vec<u8> {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.gather(health), &mut text) {
            tracing::error!("the metrics cannot be written: {error}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_there_from_the_start() {
        let metrics = Metrics::new("LOCAL").unwrap();
        metrics.count(Kind::Vote, Outcome::Signed, Duration::from_millis(700));
        metrics.refuse(Reason::Internal);
        metrics.show_key(&Identity {
            public_key: "AB".to_owned(),
            address: "atto://ab".to_owned(),
            backend: "LOCAL",
            capabilities: Vec::new(),
            version: "0",
        });
        let text = String::from_utf8(metrics.render(&Health::default())).unwrap();
        for line in [
            "atto_signer_signatures_total{kind=\"vote\",outcome=\"signed\"} 1",
            "atto_signer_signatures_total{kind=\"block\",outcome=\"signed\"} 0",
            "atto_signer_key_info{address=\"atto://ab\",public_key=\"AB\"} 1",
            "atto_signer_refusals_total{reason=\"internal\"} 1",
            "atto_signer_refusals_total{reason=\"wrong_token\"} 0",
            "atto_signer_audit_dropped_total 0",
            "atto_signer_component_up{component=\"backend\"} 0",
            "atto_signer_component_up{component=\"client\"} 1",
            "atto_signer_signature_duration_seconds_bucket{kind=\"vote\",outcome=\"signed\",le=\"0.5\"} 0",
            "atto_signer_signature_duration_seconds_bucket{kind=\"vote\",outcome=\"signed\",le=\"0.75\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in:\n{text}");
        }
        assert!(text.contains("atto_signer_build_info{backend=\"LOCAL\","), "{text}");
    }
}
