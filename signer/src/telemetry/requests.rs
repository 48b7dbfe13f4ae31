//! Requests in the Kotlin signer's format, for existing dashboards: count, sum and maximum by method, path and status.

use std::{sync::Arc, time::Instant};

use http::{Method, StatusCode};
use prometheus::{
    core::{Collector, Desc},
    proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType, Summary},
};

use super::series::Series;

const METHODS: [&str; 4] = ["GET", "HEAD", "POST", OTHER];
const PATHS: [&str; 5] = ["/votes", "/blocks", "/challenges", "/public-keys", OTHER];
/// All statuses of answers, and the label for a missing answer.
const STATUSES: [&str; 11] = [
    "200", "400", "401", "404", "405", "406", "408", "413", "415", "429", UNKNOWN,
];
/// For values in neither list. Otherwise a client could choose labels.
const OTHER: &str = "OTHER";
/// Status and outcome of a request without an answer, in Spring Boot's words.
const UNKNOWN: &str = "UNKNOWN";

/// Method and path of a request, as labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    method: usize,
    path: usize,
}

impl Route {
    /// The labels for this method and path.
    pub fn of(method: &Method, path: &str) -> Self {
        Self {
            method: place(&METHODS, method.as_str()),
            path: place(&PATHS, path),
        }
    }
}

/// The index of a label. The last label stands for all others.
fn place(labels: &[&str], label: &str) -> usize {
    labels
        .iter()
        .position(|known| *known == label)
        .unwrap_or(labels.len() - 1)
}

/// All requests so far. Clones share them.
#[derive(Clone, Debug)]
pub struct Requests {
    // By method, path and status, for lookup without a lock.
    all: Arc<[[[Series; STATUSES.len()]; PATHS.len()]; METHODS.len()]>,
    start: Instant,
    summary: Desc,
    slowest: Desc,
}

/// A running request. If it is dropped before its end, no answer was sent.
#[derive(Debug)]
pub struct Observation<'a> {
    requests: &'a Requests,
    route: Route,
    start: Instant,
    status: Option<StatusCode>,
}

impl Observation<'_> {
    /// Records an answer with this status.
    pub fn end(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Observation<'_> {
    fn drop(&mut self) {
        self.requests.count(self.route, self.status, self.start);
    }
}

impl Requests {
    /// Without requests.
    pub fn new() -> Result<Self, prometheus::Error> {
        let desc = |name: &str, help: &str| {
            let labels = ["method", "outcome", "status", "uri"].map(str::to_owned).to_vec();
            Desc::new(name.to_owned(), help.to_owned(), labels, [].into())
        };
        Ok(Self {
            all: Arc::default(),
            start: Instant::now(),
            summary: desc(
                "http_server_requests_seconds",
                "Requests to the signing API, from head to answer, with the names that the Kotlin signer uses.",
            )?,
            slowest: desc(
                "http_server_requests_seconds_max",
                "The slowest request of this minute and the one before.",
            )?,
        })
    }

    /// Begins a request, which counts once its observation ends.
    pub const fn begin(&self, route: Route, start: Instant) -> Observation<'_> {
        Observation {
            requests: self,
            route,
            start,
            status: None,
        }
    }

    /// Counts a request that was answered now.
    pub fn observe(&self, route: Route, status: StatusCode, start: Instant) {
        self.begin(route, start).end(status);
    }

    fn count(&self, route: Route, status: Option<StatusCode>, start: Instant) {
        let now = Instant::now();
        let status = place(&STATUSES, status.as_ref().map_or(UNKNOWN, StatusCode::as_str));
        let series = &self.all[route.method][route.path][status];
        series.count(
            now.saturating_duration_since(start),
            now.saturating_duration_since(self.start),
        );
    }

    /// Every series with at least one request, with its labels.
    fn asked_for(&self) -> impl Iterator<Item = (Vec<LabelPair>, &Series)> {
        let methods = METHODS.iter().zip(&*self.all);
        let paths =
            methods.flat_map(|(method, series)| PATHS.iter().zip(series).map(move |(path, all)| (method, path, all)));
        let statuses = paths.flat_map(|(method, path, series)| {
            let each = STATUSES.iter().zip(series);
            each.map(move |(status, series)| (method, path, status, series))
        });
        let asked_for = statuses.filter(|(.., series)| series.sum().0 > 0);
        asked_for.map(|(method, path, status, series)| (labels(method, path, status), series))
    }
}

impl Collector for Requests {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.summary, &self.slowest]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let (mut summaries, mut maxima) = (Vec::new(), Vec::new());
        let age = self.start.elapsed();
        for (labels, series) in self.asked_for() {
            let mut metric = Metric::from_label(labels.clone());
            let mut summary = Summary::default();
            summary.set_sample_count(series.sum().0);
            summary.set_sample_sum(series.sum().1.as_secs_f64());
            metric.set_summary(summary);
            summaries.push(metric);
            let mut metric = Metric::from_label(labels);
            let mut gauge = Gauge::default();
            gauge.set_value(series.slowest(age).as_secs_f64());
            metric.set_gauge(gauge);
            maxima.push(metric);
        }
        vec![
            family(&self.summary, MetricType::SUMMARY, summaries),
            family(&self.slowest, MetricType::GAUGE, maxima),
        ]
    }
}

fn family(desc: &Desc, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(desc.fq_name.clone());
    family.set_help(desc.help.clone());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn labels(method: &str, path: &str, status: &str) -> Vec<LabelPair> {
    let outcome = match status.as_bytes()[0] {
        b'2' => "SUCCESS",
        b'4' => "CLIENT_ERROR",
        _ => UNKNOWN,
    };
    let pairs = [
        ("method", method),
        ("outcome", outcome),
        ("status", status),
        ("uri", path),
    ];
    let label = |(name, value): (&str, &str)| {
        let mut label = LabelPair::default();
        label.set_name(name.to_owned());
        label.set_value(value.to_owned());
        label
    };
    pairs.into_iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_make_labels() {
        let method = Method::from_bytes(b"BREW").unwrap();
        let route = Route::of(&method, "/votes/1");
        assert_eq!((METHODS[route.method], PATHS[route.path]), (OTHER, OTHER));
        let route = Route::of(&Method::POST, "/votes");
        assert_eq!((METHODS[route.method], PATHS[route.path]), ("POST", "/votes"));
    }

    #[test]
    fn every_status_of_ours_has_its_label() {
        let requests = Requests::new().unwrap();
        let route = Route::of(&Method::POST, "/votes");
        let codes = [200, 400, 401, 404, 405, 406, 408, 413, 415, 429];
        for code in codes {
            requests
                .begin(route, Instant::now())
                .end(StatusCode::from_u16(code).unwrap());
        }
        drop(requests.begin(route, Instant::now()));
        let found: Vec<_> = requests
            .asked_for()
            .map(|(labels, series)| (labels[2].value().to_owned(), series.sum().0))
            .collect();
        let mut expected: Vec<_> = codes.iter().map(|code| (code.to_string(), 1)).collect();
        expected.push((UNKNOWN.to_owned(), 1));
        assert_eq!(found, expected);
    }
}
