//! Whether the operator makes progress. It may answer health checks although its watches have stopped silently.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{Request, Response, Uri};
use tower::{Layer, Service};

/// A watch is re-established every 200 s, and immediately after an error. After three times that, it counts as stopped.
const WATCH_LIMIT: Duration = Duration::from_mins(10);
/// Every request of a reconcile ends after 10 s. The number of requests depends on the number of selected Deployments, so the
/// time since the last request counts.
const RECONCILE_LIMIT: Duration = Duration::from_mins(10);

tokio::task_local! {
    /// The reconcile that is being polled.
    static UNDER_WAY: Reconcile;
}

/// Watches and reconciles that are under way, and since when. Clones share the value.
#[derive(Clone, Debug, Default)]
pub struct Liveness(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// By request path.
    watches: BTreeMap<String, Watch>,
    /// When each reconcile last made progress.
    reconciles: BTreeMap<u64, Instant>,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    asked: Instant,
    answered: Option<Instant>,
}

impl Liveness {
    /// Starts a reconcile. It ends when the value is dropped.
    pub fn reconcile(&self) -> Reconcile {
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        state.reconciles.insert(id, Instant::now());
        Reconcile {
            progress: self.clone(),
            id,
        }
    }

    /// Names the watch or reconcile that makes no progress, if there is one.
    pub fn stuck(&self, now: Instant) -> Option<String> {
        let state = self.lock();
        let watch = state
            .watches
            .iter()
            .find(|(_, watch)| now.duration_since(watch.asked) >= WATCH_LIMIT);
        if let Some((path, watch)) = watch {
            let seconds = now.duration_since(watch.asked).as_secs();
            return Some(format!("the watch of {path} was not requested for {seconds} s"));
        }
        let age = now.saturating_duration_since(*state.reconciles.values().min()?);
        (age >= RECONCILE_LIMIT).then(|| format!("a reconcile has sent no request for {} s", age.as_secs()))
    }

    /// How long ago the watch of each resource was last answered. For several namespaces, the oldest one.
    pub fn watch_ages(&self, now: Instant) -> BTreeMap<String, Duration> {
        let mut ages = BTreeMap::new();
        for (path, watch) in &self.lock().watches {
            let (Some(answered), Some(resource)) = (watch.answered, path.rsplit('/').next()) else {
                continue;
            };
            let age: &mut Duration = ages.entry(resource.to_owned()).or_default();
            *age = now.duration_since(answered).max(*age);
        }
        ages
    }

    fn ask(&self, question: Question<'_>, now: Instant) {
        let mut state = self.lock();
        match question {
            Question::Watch(path) => {
                let answered = state.watches.get(path).and_then(|watch| watch.answered);
                state.watches.insert(path.to_owned(), Watch { asked: now, answered });
            }
            Question::List(path) => {
                if let Some(watch) = state.watches.get_mut(path) {
                    watch.asked = now;
                }
            }
        }
    }

    fn answer(&self, path: &str, now: Instant) {
        if let Some(watch) = self.lock().watches.get_mut(path) {
            watch.answered = Some(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reconcile that is under way.
#[derive(Debug)]
pub struct Reconcile {
    progress: Liveness,
    id: u64,
}

impl Reconcile {
    /// Runs the work of the reconcile. Each request in it counts as progress.
    pub async fn run<T>(self, work: impl Future<Output = T>) -> T {
        UNDER_WAY.scope(self, work).await
    }

    fn gets_on(&self, now: Instant) {
        if let Some(last) = self.progress.lock().reconciles.get_mut(&self.id) {
            *last = now;
        }
    }
}

/// A request begins or ends, in a reconcile or elsewhere.
pub(super) fn asked() {
    // Requests outside of a reconcile need no supervision.
    let _ = UNDER_WAY.try_with(|reconcile| reconcile.gets_on(Instant::now()));
}

impl Drop for Reconcile {
    fn drop(&mut self) {
        self.progress.lock().reconciles.remove(&self.id);
    }
}

/// The purpose of a request, if it belongs to a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question<'a> {
    Watch(&'a str),
    /// The list before a watch, repeated as long as it is refused. Other lists are not paged.
    List(&'a str),
}

fn question(uri: &Uri) -> Option<Question<'_>> {
    let mut pairs = uri.query()?.split('&');
    if pairs.clone().any(|pair| matches!(pair, "watch=true" | "watch=1")) {
        return Some(Question::Watch(uri.path()));
    }
    pairs
        .any(|pair| pair.starts_with("limit="))
        .then(|| Question::List(uri.path()))
}

/// Whether this request is a watch.
pub(crate) fn is_watch(uri: &Uri) -> bool {
    matches!(question(uri), Some(Question::Watch(_)))
}

impl<S> Layer<S> for Liveness {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Observed<S> {
        Observed {
            inner,
            progress: self.clone(),
        }
    }
}

/// Requests on their way to the API server.
#[derive(Clone, Debug)]
pub struct Observed<S> {
    inner: S,
    progress: Liveness,
}

impl<S, A, B> Service<Request<A>> for Observed<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let mut watched = None;
        if let Some(question) = question(request.uri()) {
            self.progress.ask(question, Instant::now());
            if let Question::Watch(path) = question {
                watched = Some(path.to_owned());
            }
        }
        let (answer, progress) = (self.inner.call(request), self.progress.clone());
        Box::pin(async move {
            let answer = answer.await?;
            if let Some(path) = watched.filter(|_| answer.status().is_success()) {
                progress.answer(&path, Instant::now());
            }
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_watches_count_and_each_by_its_own_clock() {
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        let path = "/apis/apps/v1/namespaces/atto/deployments";
        let read = uri("/apis/apps/v1/namespaces/atto/deployments/voter");
        let list = uri(&format!("{path}?limit=500"));
        let watch = uri(&format!("{path}?allowWatchBookmarks=true&watch=true"));
        assert_eq!(question(&read), None);
        assert_eq!(question(&list), Some(Question::List(path)));
        assert_eq!(question(&watch), Some(Question::Watch(path)));

        let (progress, start) = (Liveness::default(), Instant::now());
        for namespace in ["a", "b"] {
            let services = format!("/api/v1/namespaces/{namespace}/services");
            progress.ask(Question::Watch(&services), start);
            progress.answer(&services, start);
        }
        let services = "/api/v1/namespaces/b/services";
        progress.ask(Question::Watch(path), start + WATCH_LIMIT / 2);
        progress.ask(
            Question::Watch("/api/v1/namespaces/a/services"),
            start + WATCH_LIMIT / 2,
        );
        progress.answer("/api/v1/namespaces/a/services", start + WATCH_LIMIT / 2);
        assert_eq!(progress.stuck(start + WATCH_LIMIT / 2), None);
        let stuck = progress.stuck(start + WATCH_LIMIT);
        let text = format!("the watch of {services} was not requested for 600 s");
        assert_eq!(stuck, Some(text));
        let ages = progress.watch_ages(start + WATCH_LIMIT);
        assert_eq!(ages, BTreeMap::from([("services".to_owned(), WATCH_LIMIT)]));
        // A refused watch that begins again makes progress.
        progress.ask(Question::List(services), start + WATCH_LIMIT);
        assert_eq!(progress.stuck(start + WATCH_LIMIT), None);
    }

    #[test]
    fn a_reconcile_that_asks_for_nothing_more_is_told_and_a_long_one_is_not() {
        let progress = Liveness::default();
        let (reconcile, start) = (progress.reconcile(), Instant::now());
        let mut later = start;
        for _ in 0..3 {
            later += RECONCILE_LIMIT.saturating_sub(Duration::from_secs(1));
            assert_eq!(progress.stuck(later), None);
            reconcile.gets_on(later);
        }
        later += RECONCILE_LIMIT;
        let stuck = progress.stuck(later);
        assert_eq!(stuck.as_deref(), Some("a reconcile has sent no request for 600 s"));
        drop(reconcile);
        assert_eq!(progress.stuck(later), None);
    }

    #[tokio::test]
    async fn the_requests_of_a_reconcile_count_for_it_and_for_no_other() {
        let progress = Liveness::default();
        let (one, other) = (progress.reconcile(), progress.reconcile());
        let last = |id: u64| progress.lock().reconciles.get(&id).copied();
        let (one_id, other_id) = (one.id, other.id);
        let before = (last(one_id), last(other_id));
        let work = async {
            asked();
            last(one_id)
        };
        let during = one.run(work).await;
        assert!(during > before.0, "it did not get on");
        assert_eq!(last(other_id), before.1);
        assert_eq!(last(one_id), None, "it is over");
        drop(other);
    }
}
