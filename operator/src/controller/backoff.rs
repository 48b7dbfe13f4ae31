//! How long to wait before the next try of one binding. kube-runtime has no memory of failures by key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_mins(1);

/// Failures in a row, by binding.
#[derive(Clone, Default)]
pub struct Backoff(Arc<Mutex<HashMap<String, u32>>>);

impl Backoff {
    /// Counts one more failure, and says how long to wait.
    pub fn failed(&self, key: &str) -> Duration {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(key.to_owned()).or_default();
        let wait = FIRST.saturating_mul(1 << (*count).min(16)).min(LONGEST);
        *count = count.saturating_add(1);
        jitter(wait)
    }

    /// Forgets the failures.
    pub fn succeeded(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
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
        let backoff = Backoff::default();
        let waits: Vec<_> = (0..10).map(|_| backoff.failed("a")).collect();
        assert!(waits.windows(2).take(6).all(|pair| pair[0] < pair[1]));
        assert!(waits.iter().all(|wait| *wait <= LONGEST + LONGEST / 10));
        assert!(backoff.failed("b") < FIRST * 2, "bindings do not share failures");
        backoff.succeeded("a");
        assert!(backoff.failed("a") < FIRST * 2);
    }
}
