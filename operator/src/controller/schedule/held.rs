//! When a held Deployment is checked independently of its binding.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// How long no binding may name a Deployment before it is resumed. A binding that is replaced, or restored after its Deployment,
/// is back within that time.
const GRACE: Duration = Duration::from_secs(30);

/// The longest pause after a failure.
const LONGEST: Duration = Duration::from_mins(10);

/// The known state of each held Deployment, by uid.
#[derive(Default)]
pub struct HeldLooks(HashMap<String, Entry>);

#[derive(Default)]
struct Entry {
    /// The version that was checked.
    looked_at: Option<String>,
    /// Since when no binding names it.
    unclaimed: Option<Instant>,
    not_before: Option<Instant>,
    failures: u32,
}

/// Why it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A person may have resumed it.
    Changed,
    /// No binding has named it for a while.
    Unclaimed,
}

impl HeldLooks {
    /// Forgets Deployments that are no longer held.
    pub fn retain(&mut self, held: &HashSet<String>) {
        self.0.retain(|uid, _| held.contains(uid));
    }

    /// Whether a check is due, and why.
    pub fn due(&mut self, uid: &str, version: &str, is_claimed: bool, now: Instant) -> Option<Due> {
        let entry = self.0.entry(uid.to_owned()).or_default();
        let since = (!is_claimed).then(|| entry.unclaimed.unwrap_or(now));
        entry.unclaimed = since;
        if entry.not_before.is_some_and(|time| now < time) {
            return None;
        }
        if since.is_some_and(|since| now.saturating_duration_since(since) >= GRACE) {
            return Some(Due::Unclaimed);
        }
        (entry.looked_at.as_deref() != Some(version)).then_some(Due::Changed)
    }

    /// Records a check: no binding names it yet.
    pub fn seen(&mut self, uid: &str, version: &str) {
        let entry = self.0.entry(uid.to_owned()).or_default();
        entry.looked_at = Some(version.to_owned());
        entry.failures = 0;
    }

    /// Records a check: a binding names it.
    pub fn looked(&mut self, uid: &str, version: &str) {
        self.seen(uid, version);
        self.0.entry(uid.to_owned()).or_default().unclaimed = None;
    }

    /// Records a failed check or resumption, which is retried with increasing pauses.
    pub fn failed(&mut self, uid: &str, now: Instant) {
        let entry = self.0.entry(uid.to_owned()).or_default();
        let pause = GRACE.saturating_mul(1 << entry.failures.min(16)).min(LONGEST);
        entry.not_before = Some(now + pause);
        entry.failures = entry.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_to_ask_for_it_for_a_while() {
        let (mut looks, start) = (HeldLooks::default(), Instant::now());
        let second = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(looks.due("u", "1", true, start), Some(Due::Changed));
        looks.looked("u", "1");
        assert_eq!(looks.due("u", "1", true, second(1)), None);
        assert_eq!(looks.due("u", "2", true, second(1)), Some(Due::Changed));
        looks.looked("u", "2");
        assert_eq!(looks.due("u", "2", false, second(10)), None);
        assert_eq!(looks.due("u", "2", true, second(20)), None, "a binding is back");
        assert_eq!(looks.due("u", "2", false, second(45)), None);
        assert_eq!(looks.due("u", "2", false, second(74)), None);
        assert_eq!(looks.due("u", "2", false, second(75)), Some(Due::Unclaimed));
        looks.failed("u", second(75));
        assert_eq!(looks.due("u", "2", false, second(80)), None);
        assert_eq!(looks.due("u", "2", false, second(105)), Some(Due::Unclaimed));
        looks.failed("u", second(105));
        assert_eq!(looks.due("u", "2", false, second(164)), None, "the pause grows");
        assert_eq!(looks.due("u", "2", false, second(165)), Some(Due::Unclaimed));
        looks.retain(&HashSet::new());
        assert_eq!(
            looks.due("u", "2", false, second(166)),
            Some(Due::Changed),
            "it is another one"
        );
    }
}
