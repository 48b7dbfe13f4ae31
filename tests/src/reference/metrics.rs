//! The programs' metrics, from their registries' descriptions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use http::{Method, StatusCode};
use prometheus::proto::{self, MetricFamily, MetricType};
use signer::telemetry::{Health, Identity, Metrics, Route};

use super::table::{code, sentence, table};

pub fn page() -> Result<String> {
    Ok(format!(
        "Both programs serve Prometheus text. A histogram is shown as `_bucket`, `_sum` and `_count`.\n\n## Operator\n\n`/metrics` on port 8080.\n\n{}## Signer\n\n\
         `/prometheus` or `/metrics` on the management port, 9091 unless set. Metrics of the backend exist if the key is in a key service, and those of recent signatures after the first signature.\n\n{}",
        rows(operator()?),
        rows(signer()?)
    ))
}

struct Metric {
    name: String,
    kind: &'static str,
    /// With the values that are known from the start.
    labels: BTreeMap<String, BTreeSet<String>>,
    help: String,
}

fn rows(mut metrics: Vec<Metric>) -> String {
    metrics.sort_by(|one, other| one.name.cmp(&other.name));
    let rows = metrics.into_iter().map(|metric| {
        let labels: Vec<_> = metric.labels.iter().map(|(name, values)| label(name, values)).collect();
        let labels = labels.join("; ");
        [
            code(&metric.name),
            metric.kind.to_owned(),
            sentence(&metric.help),
            labels,
        ]
    });
    table(["metric", "type", "meaning", "labels"], rows)
}

/// A single value belongs to this process, such as its version.
fn label(name: &str, values: &BTreeSet<String>) -> String {
    if values.len() < 2 {
        return code(name);
    }
    let values: Vec<_> = values.iter().map(String::as_str).collect();
    format!("{}: {}", code(name), values.join(", "))
}

fn operator() -> Result<Vec<Metric>> {
    let metrics = operator::telemetry::Metrics::new()?;
    let collectors = metrics.collectors();
    Ok(collectors
        .iter()
        .flat_map(|collector| {
            let described = collector.desc();
            let named = |name: &str| {
                let found = described.iter().find(|described| described.fq_name == name);
                found.map(|found| found.variable_labels.clone()).unwrap_or_default()
            };
            collector
                .collect()
                .iter()
                .map(|family| metric(family, named(family.name())))
                .collect::<Vec<_>>()
        })
        .collect())
}

/// All its series exist from the start, or are created here.
fn signer() -> Result<Vec<Metric>> {
    let metrics = Metrics::new("GCP")?;
    let _backend = metrics.add_backend()?;
    metrics.show_key(&Identity {
        public_key: String::new(),
        address: String::new(),
        backend: "GCP",
        capabilities: vec![],
        version: "",
    });
    let now = Instant::now();
    metrics
        .requests
        .observe(Route::of(&Method::POST, "/votes"), StatusCode::OK, now);
    let took = Duration::from_millis(2);
    metrics.latencies.note(took, Some(took));
    let families = metrics.gather(&Health::default());
    Ok(families.iter().map(|family| metric(family, vec![])).collect())
}

fn metric(family: &MetricFamily, named: Vec<String>) -> Metric {
    let mut labels: BTreeMap<_, _> = named.into_iter().map(|name| (name, BTreeSet::new())).collect();
    for label in family.get_metric().iter().flat_map(proto::Metric::get_label) {
        let values = labels.entry(label.name().to_owned()).or_default();
        values.insert(label.value().to_owned());
    }
    Metric {
        name: family.name().to_owned(),
        kind: match family.get_field_type() {
            MetricType::COUNTER => "counter",
            MetricType::GAUGE => "gauge",
            MetricType::SUMMARY => "summary",
            MetricType::UNTYPED => "untyped",
            MetricType::HISTOGRAM => "histogram",
        },
        labels,
        help: family.help().to_owned(),
    }
}
