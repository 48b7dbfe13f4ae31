//! How long to wait before the next try of one binding. kube-runtime has no memory of failures by key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Resource;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_mins(1);

/// Failures in a row, by the uid of the binding.
#[derive(Clone, Default)]
pub struct Backoff(Arc<Mutex<HashMap<String, Failures>>>);

/// The same failure of the same spec, so many times. Another one, or another spec, is progress and starts anew.
struct Failures {
    of: (Option<i64>, String),
    count: u32,
}

impl Backoff {
    /// Counts one more failure, and says how long to wait.
    pub fn failed(&self, binding: &impl Resource, why: &str) -> Duration {
        let of = (binding.meta().generation, why.to_owned());
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = failures.entry(key(binding)).or_insert_with(|| Failures {
            of: of.clone(),
            count: 0,
        });
        if entry.of != of {
            *entry = Failures { of, count: 0 };
        }
        let wait = FIRST.saturating_mul(1 << entry.count.min(16)).min(LONGEST);
        entry.count = entry.count.saturating_add(1);
        jitter(wait)
    }

    /// Forgets the failures.
    pub fn succeeded(&self, binding: &impl Resource) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&key(binding));
    }

    /// Keeps what belongs to these bindings. Nobody is told of the end of one that was deleted while it failed.
    pub fn retain(&self, exists: impl Fn(&str) -> bool) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|uid, _| exists(uid));
    }
}

/// By what a binding is remembered.
pub fn key(binding: &impl Resource) -> String {
    binding.meta().uid.clone().unwrap_or_default()
}

/// Up to a tenth longer, so that many bindings do not fall into step.
pub fn jitter(wait: Duration) -> Duration {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    wait + wait.mul_f64(f64::from(nanos % 1000) / 10_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_a_minute_and_starts_again_after_success() {
        let binding = |uid: &str, generation| {
            let mut binding = k8s_openapi::api::core::v1::ConfigMap::default();
            binding.metadata.uid = Some(uid.to_owned());
            binding.metadata.generation = Some(generation);
            binding
        };
        let backoff = Backoff::default();
        let waits: Vec<_> = (0..10).map(|_| backoff.failed(&binding("a", 1), "x")).collect();
        assert!(waits.windows(2).take(6).all(|pair| pair[0] < pair[1]));
        assert!(waits.iter().all(|wait| *wait <= LONGEST + LONGEST / 10));
        assert!(
            backoff.failed(&binding("b", 1), "x") < FIRST * 2,
            "bindings share failures"
        );
        assert!(
            backoff.failed(&binding("a", 1), "y") < FIRST * 2,
            "another failure is progress"
        );
        backoff.failed(&binding("a", 1), "y");
        assert!(
            backoff.failed(&binding("a", 2), "y") < FIRST * 2,
            "another spec is progress"
        );
        backoff.failed(&binding("a", 2), "y");
        backoff.succeeded(&binding("a", 2));
        assert!(backoff.failed(&binding("a", 2), "y") < FIRST * 2);
        backoff.retain(|uid| uid == "b");
        let left = backoff.0.lock().unwrap();
        assert_eq!(left.keys().collect::<Vec<_>>(), ["b"], "the other one is gone");
    }
}
