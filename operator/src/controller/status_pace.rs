//! Limits how often the status of one binding is written. Otherwise pods that start and stop many times a minute would cause a
//! write and an Event each time, and each write wakes every program that watches the binding. The final state is always written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// This many writes at once, and then one per `SPACING`.
const BURST: u32 = 6;
const SPACING: Duration = Duration::from_secs(12);

/// Recent writes, by the uid of the binding.
#[derive(Clone, Default)]
pub struct StatusPace(Arc<Mutex<HashMap<String, Entry>>>);

#[derive(Default)]
struct Entry {
    /// When the next write would be due at the regular spacing.
    next: Option<Instant>,
    /// The generation for which readiness was reported.
    ready: Option<i64>,
}

impl StatusPace {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a write that can wait may be made now.
    ///
    /// # Errors
    /// How long to wait.
    pub fn turn(&self, uid: &str, now: Instant) -> Result<(), Duration> {
        let mut entries = self.entries();
        let entry = entries.entry(uid.to_owned()).or_default();
        let next = entry.next.unwrap_or(now).max(now) + SPACING;
        let left = next.saturating_duration_since(now + SPACING * BURST);
        if !left.is_zero() {
            return Err(left);
        }
        entry.next = Some(next);
        Ok(())
    }

    /// Whether readiness of this generation was not reported yet.
    pub fn is_first_ready(&self, uid: &str, generation: Option<i64>) -> bool {
        let entries = self.entries();
        entries.get(uid).is_none_or(|entry| entry.ready != generation)
    }

    /// Records that readiness was reported.
    pub fn told_ready(&self, uid: &str, generation: Option<i64>) {
        self.entries().entry(uid.to_owned()).or_default().ready = generation;
    }

    /// Keeps the entries of these bindings.
    pub fn retain(&self, exists: impl Fn(&str) -> bool) {
        self.entries().retain(|uid, _| exists(uid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_flaps_is_written_a_few_times_a_minute_and_the_last_state_in_the_end() {
        let (pace, start) = (StatusPace::default(), Instant::now());
        let minute = |minute: u64| {
            let moments = (0..600).map(|tenth| start + Duration::from_millis(minute * 60_000 + tenth * 100));
            moments.filter(|now| pace.turn("a", *now).is_ok()).count()
        };
        assert_eq!(minute(0), 10);
        assert_eq!(minute(1), 5);
        let end = start + Duration::from_mins(2);
        assert_eq!(pace.turn("a", end), Ok(()));
        let left = pace.turn("a", end).err().unwrap_or_default();
        assert_eq!(left, SPACING);
        assert_eq!(pace.turn("a", end + left), Ok(()));
        assert_eq!(pace.turn("b", start), Ok(()), "another binding");
        assert!(
            (0..6).all(|_| pace.turn("a", end + Duration::from_mins(5)).is_ok()),
            "after a quiet time"
        );
    }

    #[test]
    fn ready_is_news_once_for_each_generation() {
        let pace = StatusPace::default();
        assert!(pace.is_first_ready("a", Some(1)));
        pace.told_ready("a", Some(1));
        assert!(!pace.is_first_ready("a", Some(1)) && pace.is_first_ready("a", Some(2)));
        pace.retain(|_| false);
        assert!(pace.is_first_ready("a", Some(1)));
    }
}
