//! The pause before a failed watch is established again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event};

use crate::controller::schedule::backoff::jitter;
use crate::model::error::retry_after;

/// Consecutive failures of one watch. Clones share them.
#[derive(Clone, Default)]
pub struct WatchBackoff(Arc<Mutex<Failures>>);

#[derive(Default)]
struct Failures {
    count: u32,
    /// The pause that the API server asked for.
    at_least: Duration,
}

impl WatchBackoff {
    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the result of the watch. Its restart is not a success, because it restarts after each failed list, and an
    /// interrupted list has returned objects too.
    pub fn note<K>(&self, result: &watcher::Result<Event<K>>) {
        match result {
            Ok(Event::Init | Event::InitApply(_)) => {}
            Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_)) => *self.failures() = Failures::default(),
            Err(error) => self.failures().at_least = asked_for(error).unwrap_or_default(),
        }
    }
}

fn asked_for(error: &watcher::Error) -> Option<Duration> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => retry_after(status),
        _ => None,
    }
}

/// Short enough that the recovery of an API server is noticed within seconds.
impl Iterator for WatchBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let mut failures = self.failures();
        failures.count = (failures.count + 1).min(5);
        let wait = Duration::from_millis(100 * (1 << failures.count));
        Some(jitter(wait.max(failures.at_least)))
    }
}

impl Backoff for WatchBackoff {
    /// Does nothing: kube-runtime calls it for everything except an error, including the beginning of a list.
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;
    use kube::core::Status;
    use serde_json::json;

    use super::*;

    type Result = watcher::Result<Event<Service>>;

    fn refused(details: &serde_json::Value) -> Result {
        let status = json!({"status": "Failure", "code": 503, "message": "", "reason": "", "details": details});
        let status: Status = serde_json::from_value(status).unwrap();
        Err(watcher::Error::InitialListFailed(kube::Error::Api(status.boxed())))
    }

    /// The pause after this result, including kube-runtime's own behaviour.
    fn wait_after(backoff: &mut WatchBackoff, result: &Result) -> Duration {
        backoff.note(result);
        if result.is_ok() {
            backoff.reset();
            return Duration::ZERO;
        }
        backoff.next().unwrap_or_default()
    }

    #[test]
    fn lists_that_fail_are_asked_for_less_and_less_until_one_comes_to_its_end() {
        let mut backoff = WatchBackoff::default();
        let mut waited = Duration::ZERO;
        for _ in 0..8 {
            for begun in [Ok(Event::Init), Ok(Event::InitApply(Service::default()))] {
                wait_after(&mut backoff, &begun);
            }
            waited += wait_after(&mut backoff, &refused(&json!(null)));
        }
        assert!(waited >= Duration::from_secs(15), "eight lists within {waited:?}");
        wait_after(&mut backoff, &Ok(Event::InitDone));
        let first = wait_after(&mut backoff, &refused(&json!(null)));
        assert!(first < Duration::from_millis(300), "{first:?} after a success");
    }

    #[test]
    fn what_the_api_server_asks_for_is_waited_for() {
        let mut backoff = WatchBackoff::default();
        let asked = refused(&json!({"retryAfterSeconds": 7}));
        assert!(wait_after(&mut backoff, &asked) >= Duration::from_secs(7));
        let plain = wait_after(&mut backoff, &refused(&json!(null)));
        assert!(plain < Duration::from_secs(1), "{plain:?}");
    }
}
