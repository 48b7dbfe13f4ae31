//! Whether the operator gets on, judged by what it does: a process that answers may have watches that died without a word.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{Request, Response, Uri};
use tower::{Layer, Service};

/// A watch is asked for anew every 200 s, and after an error at once. Three times that, and it is dead.
const WATCH_LIMIT: Duration = Duration::from_mins(10);
/// Every request of a reconcile ends after 10 s, and there are a few dozen of them at most.
const RECONCILE_LIMIT: Duration = Duration::from_mins(10);

/// What is under way, and since when. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    watches: BTreeMap<String, Watch>,
    reconciles: BTreeMap<u64, Instant>,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    asked: Instant,
    answered: Option<Instant>,
}

impl Progress {
    /// A reconcile begins; it ends when the value is dropped.
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

    /// What does not get on, if anything.
    pub fn stuck(&self, now: Instant) -> Option<String> {
        let state = self.lock();
        let watch = state
            .watches
            .iter()
            .find(|(_, watch)| now.duration_since(watch.asked) >= WATCH_LIMIT);
        if let Some((resource, watch)) = watch {
            let seconds = now.duration_since(watch.asked).as_secs();
            return Some(format!("the watch of {resource} was not asked for in {seconds} s"));
        }
        let (_, oldest) = state.reconciles.first_key_value()?;
        let age = now.duration_since(*oldest);
        (age >= RECONCILE_LIMIT).then(|| format!("a reconcile has been under way for {} s", age.as_secs()))
    }

    /// How long ago each watch was last answered.
    pub fn watch_ages(&self, now: Instant) -> Vec<(String, Duration)> {
        let state = self.lock();
        let answered = state
            .watches
            .iter()
            .filter_map(|(resource, watch)| Some((resource, watch.answered?)));
        answered
            .map(|(resource, answered)| (resource.clone(), now.duration_since(answered)))
            .collect()
    }

    fn ask(&self, resource: &str, now: Instant) {
        let mut state = self.lock();
        let answered = state.watches.get(resource).and_then(|watch| watch.answered);
        state
            .watches
            .insert(resource.to_owned(), Watch { asked: now, answered });
    }

    fn answer(&self, resource: &str, now: Instant) {
        if let Some(watch) = self.lock().watches.get_mut(resource) {
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
    progress: Progress,
    id: u64,
}

impl Drop for Reconcile {
    fn drop(&mut self) {
        self.progress.lock().reconciles.remove(&self.id);
    }
}

/// What is watched with this request, if anything: a resource's name in the plural.
fn watched(uri: &Uri) -> Option<&str> {
    let is_watch = uri
        .query()
        .is_some_and(|query| query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1")));
    uri.path().rsplit('/').next().filter(|_| is_watch)
}

impl<S> Layer<S> for Progress {
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
    progress: Progress,
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
        let resource = watched(request.uri()).map(str::to_owned);
        if let Some(resource) = &resource {
            self.progress.ask(resource, Instant::now());
        }
        let (answer, progress) = (self.inner.call(request), self.progress.clone());
        Box::pin(async move {
            let answer = answer.await?;
            if let Some(resource) = resource.filter(|_| answer.status().is_success()) {
                progress.answer(&resource, Instant::now());
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
        let list = uri("/apis/apps/v1/deployments?limit=500");
        let watch = uri("/apis/apps/v1/namespaces/atto/deployments?allowWatchBookmarks=true&watch=true");
        assert_eq!((watched(&list), watched(&watch)), (None, Some("deployments")));

        let (progress, start) = (Progress::default(), Instant::now());
        progress.ask("services", start);
        progress.answer("services", start);
        progress.ask("deployments", start + WATCH_LIMIT / 2);
        assert_eq!(progress.stuck(start + WATCH_LIMIT / 2), None);
        let stuck = progress.stuck(start + WATCH_LIMIT);
        assert_eq!(
            stuck.as_deref(),
            Some("the watch of services was not asked for in 600 s")
        );
        assert_eq!(
            progress.watch_ages(start + WATCH_LIMIT),
            [("services".to_owned(), WATCH_LIMIT)]
        );
        progress.ask("services", start + WATCH_LIMIT);
        assert_eq!(progress.stuck(start + WATCH_LIMIT), None);
    }

    #[test]
    fn a_reconcile_that_never_ends_is_told() {
        let progress = Progress::default();
        let reconcile = progress.reconcile();
        let later = Instant::now() + RECONCILE_LIMIT;
        assert!(
            progress
                .stuck(later)
                .is_some_and(|text| text.starts_with("a reconcile has been under way"))
        );
        drop(reconcile);
        assert_eq!(progress.stuck(later), None);
    }
}
