//! The pause before the next attempt for a binding. kube-runtime does not remember failures by key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Resource;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_mins(1);

/// Consecutive failures, by the uid of the binding.
#[derive(Clone, Default)]
pub struct Backoff(Arc<Mutex<HashMap<String, Failures>>>);

/// How often each error occurred with this spec. A new error is progress, but a repeated one is not: two alternating errors wait
/// as long as a single one.
struct Failures {
    generation: Option<i64>,
    counts: HashMap<String, u32>,
}

/// The pause after this many earlier failures.
pub fn wait(before: u32) -> Duration {
    FIRST.saturating_mul(1 << before.min(16)).min(LONGEST)
}

impl Backoff {
    /// Counts a failure, and returns the pause.
    pub fn failed(&self, binding: &impl Resource, why: &str) -> Duration {
        let generation = binding.meta().generation;
        let none = || Failures {
            generation,
            counts: HashMap::new(),
        };
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = failures.entry(key(binding)).or_insert_with(none);
        if entry.generation != generation {
            *entry = none();
        }
        let count = entry.counts.entry(why.to_owned()).or_default();
        let wait = wait(*count);
        *count = count.saturating_add(1);
        jitter(wait)
    }

    /// Forgets the failures.
    pub fn succeeded(&self, binding: &impl Resource) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&key(binding));
    }

    /// Keeps the entries of these bindings. Nothing reports the deletion of a binding that was failing.
    pub fn retain(&self, exists: impl Fn(&str) -> bool) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|uid, _| exists(uid));
    }
}

/// Identifies a binding.
pub fn key(binding: &impl Resource) -> String {
    binding.meta().uid.clone().unwrap_or_default()
}

/// Up to ten percent longer, so that many bindings do not retry at the same time.
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
        let alternating: Vec<_> = (0..8)
            .map(|turn| backoff.failed(&binding("c", 1), ["x", "y"][turn % 2]))
            .collect();
        assert!(alternating[7] >= FIRST * 8, "two that alternate: {alternating:?}");
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
