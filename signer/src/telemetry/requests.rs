//! Requests as the Kotlin signer counts them, for its users' dashboards: count, sum and maximum by method, path and status.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{Method, StatusCode};
use prometheus::{
    core::{Collector, Desc},
    proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType, Summary},
};
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_mins(1);
const METHODS: [&str; 3] = ["GET", "HEAD", "POST"];
const PATHS: [&str; 4] = ["/votes", "/blocks", "/challenges", "/public-keys"];
/// What is in neither list: a label for each would be for the client to choose.
const OTHER: &str = "OTHER";
/// Status and outcome of a request that had no answer, as Spring Boot names them.
const UNKNOWN: &str = "UNKNOWN";

/// Method and path of a request, as labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    method: &'static str,
    uri: &'static str,
}

impl Route {
    /// Of this method and path.
    pub fn of(method: &Method, path: &str) -> Self {
        let known = |names: &[&'static str], name: &str| names.iter().copied().find(|known| *known == name);
        Self {
            method: known(&METHODS, method.as_str()).unwrap_or(OTHER),
            uri: known(&PATHS, path).unwrap_or(OTHER),
        }
    }
}

/// Requests that are counted together; those without a status had no answer.
type Known = (Route, Option<StatusCode>, Series);

/// All requests so far. Clones share them.
#[derive(Clone, Debug)]
pub struct Requests {
    // A dozen combinations in practice: looking through them is cheaper than hashing.
    all: Arc<Mutex<Vec<Known>>>,
    summary: Desc,
    slowest: Desc,
}

/// A request under way. One that is dropped before it has ended had no answer.
#[derive(Debug)]
pub struct Observation<'a> {
    requests: &'a Requests,
    route: Route,
    start: Instant,
    status: Option<StatusCode>,
}

impl Observation<'_> {
    /// It is answered with this status.
    pub fn end(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Observation<'_> {
    fn drop(&mut self) {
        self.requests.observe(self.route, self.status, self.start);
    }
}

#[derive(Clone, Copy, Debug)]
struct Series {
    count: u64,
    sum: Duration,
    minute: Instant,
    slowest: Duration,
    slowest_before: Duration,
}

impl Series {
    const fn new(now: Instant) -> Self {
        Self {
            count: 0,
            sum: Duration::ZERO,
            minute: now,
            slowest: Duration::ZERO,
            slowest_before: Duration::ZERO,
        }
    }

    fn count(&mut self, duration: Duration, now: Instant) {
        self.turn(now);
        self.count += 1;
        self.sum += duration;
        self.slowest = self.slowest.max(duration);
    }

    fn slowest(&mut self, now: Instant) -> Duration {
        self.turn(now);
        self.slowest.max(self.slowest_before)
    }

    fn turn(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.minute);
        if age >= MINUTE {
            let before = std::mem::take(&mut self.slowest);
            self.slowest_before = if age < 2 * MINUTE { before } else { Duration::ZERO };
            self.minute = now;
        }
    }
}

impl Requests {
    /// None yet.
    pub fn new() -> Result<Self, prometheus::Error> {
        let desc = |name: &str, help: &str| {
            let labels = ["method", "outcome", "status", "uri"].map(str::to_owned).to_vec();
            Desc::new(name.to_owned(), help.to_owned(), labels, [].into())
        };
        Ok(Self {
            all: Arc::default(),
            summary: desc(
                "http_server_requests_seconds",
                "Requests to the signing API, from head to answer, named as the Kotlin signer names them.",
            )?,
            slowest: desc(
                "http_server_requests_seconds_max",
                "The slowest request of this minute and the one before.",
            )?,
        })
    }

    /// A request begins. It counts once its observation ends.
    pub const fn begin(&self, route: Route, start: Instant) -> Observation<'_> {
        Observation {
            requests: self,
            route,
            start,
            status: None,
        }
    }

    fn observe(&self, route: Route, status: Option<StatusCode>, start: Instant) {
        let now = Instant::now();
        let mut all = self.lock();
        let known = all
            .iter()
            .position(|(known, code, _)| *known == route && *code == status);
        let at = known.unwrap_or_else(|| {
            all.push((route, status, Series::new(now)));
            all.len() - 1
        });
        all[at].2.count(now.saturating_duration_since(start), now);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Known>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Requests {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.summary, &self.slowest]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let (mut summaries, mut maxima) = (Vec::new(), Vec::new());
        let now = Instant::now();
        for (route, status, series) in self.lock().iter_mut() {
            let mut metric = Metric::from_label(labels(*route, *status));
            let mut summary = Summary::default();
            summary.set_sample_count(series.count);
            summary.set_sample_sum(series.sum.as_secs_f64());
            metric.set_summary(summary);
            summaries.push(metric);
            let mut metric = Metric::from_label(labels(*route, *status));
            let mut gauge = Gauge::default();
            gauge.set_value(series.slowest(now).as_secs_f64());
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

fn labels(route: Route, status: Option<StatusCode>) -> Vec<LabelPair> {
    let outcome = match status.map(|status| status.as_u16() / 100) {
        None => UNKNOWN,
        Some(2) => "SUCCESS",
        Some(3) => "REDIRECTION",
        Some(4) => "CLIENT_ERROR",
        Some(_) => "SERVER_ERROR",
    };
    let pairs = [
        ("method", route.method),
        ("outcome", outcome),
        ("status", status.as_ref().map_or(UNKNOWN, StatusCode::as_str)),
        ("uri", route.uri),
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
    fn the_slowest_is_forgotten_after_two_minutes() {
        let start = Instant::now();
        let mut series = Series::new(start);
        let (slow, fast) = (Duration::from_secs(1), Duration::from_millis(1));
        series.count(slow, start);
        series.count(fast, start + MINUTE);
        assert_eq!(series.slowest(start + MINUTE), slow);
        assert_eq!(series.slowest(start + 2 * MINUTE), fast);
        assert_eq!(series.slowest(start + 9 * MINUTE), Duration::ZERO);
        assert_eq!((series.count, series.sum), (2, slow + fast));
    }

    #[test]
    fn a_client_cannot_make_labels() {
        let method = Method::from_bytes(b"BREW").unwrap();
        let route = Route::of(&method, "/votes/1");
        assert_eq!((route.method, route.uri), (OTHER, OTHER));
        let route = Route::of(&Method::POST, "/votes");
        assert_eq!((route.method, route.uri), ("POST", "/votes"));
    }
}
