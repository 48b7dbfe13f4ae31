//! What the last applies came to. Lost with the process, and nothing depends on it but silence and a bound.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::applied::LONGEST_DIFF;
use crate::model::reason::Reason;
use crate::model::text::shorten;

/// How often a Deployment is written with force, and how often one rendering takes the place of another, in `FORCE_WINDOW`.
const FORCES: usize = 5;
const FORCE_WINDOW: Duration = Duration::from_hours(1);

/// What the last applies came to, by the uid of the Deployment.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<HashMap<String, Entry>>>);

/// How long a Deployment is remembered that no look has come upon: longer than forced writes are counted, and much longer than
/// from one look to the next.
const REMEMBERED: Duration = FORCE_WINDOW.saturating_mul(2);

struct Entry {
    /// When a look last came upon the Deployment.
    seen: Instant,
    hash: String,
    generation: i64,
    /// What the API server answered to the last apply, as far as it is ours.
    ours: u64,
    forced: Vec<Instant>,
    /// For what, and when.
    rewritten: (String, Vec<Instant>),
    diff: Option<(String, i64, Result<String, Reason>)>,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            seen: Instant::now(),
            hash: String::new(),
            generation: 0,
            ours: 0,
            forced: vec![],
            diff: None,
            rewritten: Default::default(),
        }
    }
}

impl Ledger {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this rendering was applied, and either the spec has not moved since or our part of it is what the API server answered
    /// then: what an admission plugin made of our fields is not drift.
    pub fn is_settled(&self, uid: &str, hash: &str, generation: i64, ours: u64) -> bool {
        self.entries()
            .get(uid)
            .is_some_and(|entry| entry.hash == hash && (entry.generation == generation || entry.ours == ours))
    }

    /// Whether this rendering was applied before, so that writing it again is a repair.
    pub fn was_applied(&self, uid: &str, hash: &str) -> bool {
        self.entries().get(uid).is_some_and(|entry| entry.hash == hash)
    }

    /// What would change, as it was found for this rendering and this state of the Deployment.
    pub fn diff(&self, uid: &str, hash: &str, generation: i64) -> Option<Result<String, Reason>> {
        let entries = self.entries();
        let (of, found, diff) = entries.get(uid)?.diff.as_ref()?;
        (of == hash && *found == generation).then(|| diff.clone())
    }

    pub fn keep_diff(&self, uid: &str, hash: &str, generation: i64, diff: Result<String, Reason>) {
        let diff = diff.map(|diff| shorten(&diff, LONGEST_DIFF));
        self.entries().entry(uid.to_owned()).or_default().diff = Some((hash.to_owned(), generation, diff));
    }

    pub fn applied(&self, uid: &str, hash: &str, generation: i64, ours: u64) {
        let mut entries = self.entries();
        let entry = entries.entry(uid.to_owned()).or_default();
        hash.clone_into(&mut entry.hash);
        entry.generation = generation;
        entry.ours = ours;
    }

    /// Whether a forced write is left.
    pub fn may_force(&self, uid: &str) -> bool {
        let mut entries = self.entries();
        let forced = &mut entries.entry(uid.to_owned()).or_default().forced;
        forced.retain(|at| at.elapsed() < FORCE_WINDOW);
        forced.len() < FORCES
    }

    /// Counts a forced write that went through. One that found the object changed is made again and not counted.
    pub fn forced(&self, uid: &str) {
        self.entries()
            .entry(uid.to_owned())
            .or_default()
            .forced
            .push(Instant::now());
    }

    /// Whether our rendering may once more take the place of another one for the same wish.
    pub fn may_rewrite(&self, uid: &str, wish: &str) -> bool {
        let mut entries = self.entries();
        let (of, times) = &mut entries.entry(uid.to_owned()).or_default().rewritten;
        times.retain(|at| at.elapsed() < FORCE_WINDOW);
        of != wish || times.len() < FORCES
    }

    /// Counts one that went through. Another wish starts anew.
    pub fn rewrote(&self, uid: &str, wish: &str) {
        let mut entries = self.entries();
        let (of, times) = &mut entries.entry(uid.to_owned()).or_default().rewritten;
        if of != wish {
            wish.clone_into(of);
            times.clear();
        }
        times.push(Instant::now());
    }

    /// A look has come upon these Deployments.
    pub fn seen<'a>(&self, uids: impl Iterator<Item = &'a str>, now: Instant) {
        let mut entries = self.entries();
        for uid in uids {
            if let Some(entry) = entries.get_mut(uid) {
                entry.seen = now;
            }
        }
    }

    /// Forgets Deployments that are gone. Nobody is told of their end.
    pub fn forget_unseen(&self, now: Instant) {
        self.entries()
            .retain(|_, entry| now.saturating_duration_since(entry.seen) < REMEMBERED);
    }

    pub fn forget(&self, uid: &str) {
        self.entries().remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn force_is_bounded_by_deployment() {
        let ledger = Ledger::default();
        for _ in 0..FORCES {
            assert!(ledger.may_force("a") && ledger.may_force("a"), "asking alone took one");
            ledger.forced("a");
        }
        assert!(!ledger.may_force("a"));
        assert!(ledger.may_force("b"));
    }

    #[test]
    fn another_rendering_is_replaced_so_often_for_one_wish() {
        let ledger = Ledger::default();
        for _ in 0..FORCES {
            assert!(ledger.may_rewrite("a", "1/t"));
            ledger.rewrote("a", "1/t");
        }
        assert!(!ledger.may_rewrite("a", "1/t"));
        assert!(ledger.may_rewrite("a", "2/t") && ledger.may_rewrite("b", "1/t"));
        ledger.rewrote("a", "2/t");
        assert!(ledger.may_rewrite("a", "2/t") && ledger.may_rewrite("a", "1/t"));
    }

    #[test]
    fn settled_until_our_part_moves() {
        let ledger = Ledger::default();
        assert!(!ledger.is_settled("a", "h", 1, 7));
        ledger.applied("a", "h", 1, 7);
        assert!(ledger.is_settled("a", "h", 1, 7) && ledger.is_settled("a", "h", 1, 8));
        assert!(
            ledger.is_settled("a", "h", 2, 7),
            "others have changed something of theirs"
        );
        assert!(!ledger.is_settled("a", "h", 2, 8) && !ledger.is_settled("a", "i", 1, 7));
        assert!(ledger.was_applied("a", "h"));
        ledger.forget("a");
        assert!(!ledger.was_applied("a", "h"));
    }

    #[test]
    fn a_deployment_that_nobody_comes_upon_any_more_is_forgotten() {
        let (ledger, now) = (Ledger::default(), Instant::now());
        ledger.applied("gone", "h", 1, 7);
        ledger.applied("there", "h", 1, 7);
        let later = now + REMEMBERED;
        ledger.seen(["there", "unknown"].into_iter(), later);
        ledger.forget_unseen(later + Duration::from_secs(1));
        assert_eq!(ledger.entries().keys().collect::<Vec<_>>(), ["there"]);
    }

    #[test]
    fn a_difference_takes_no_more_memory_than_is_shown_of_it() {
        let ledger = Ledger::default();
        ledger.keep_diff("a", "h", 1, Ok("+".repeat(LONGEST_DIFF * 2)));
        let kept = ledger.diff("a", "h", 1).unwrap().unwrap();
        assert!(kept.len() <= LONGEST_DIFF, "{}", kept.len());
    }
}
