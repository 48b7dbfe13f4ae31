//! Remembers the results of the last applies. It is lost with the process, which only costs repeated messages and restarts the
//! limits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::applied::LONGEST_DIFF;
use crate::model::reason::Reason;
use crate::model::text::shorten;

/// How many forced writes a Deployment may get, and how many times one rendering may replace another, within `FORCE_WINDOW`.
const FORCES: usize = 5;
const FORCE_WINDOW: Duration = Duration::from_hours(1);

/// Results of the last applies, by the uid of the Deployment.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<HashMap<String, Entry>>>);

/// How long a Deployment without a reconcile is remembered: longer than the window of forced writes, and much longer than the
/// time between two reconciles.
const REMEMBERED: Duration = FORCE_WINDOW.saturating_mul(2);

/// After `FORCES` restorations within `FORCE_WINDOW`, the pause before the next one grows from the first value to the second.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// An object or field that is restored, in addition to forced fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PutBack {
    Signer,
    Service,
    Annotation,
}

struct Entry {
    /// When a reconcile last saw the Deployment.
    seen: Instant,
    hash: String,
    generation: i64,
    /// Fingerprint of the operator's fields in the API server's answer to the last apply.
    ours: String,
    forced: Made,
    forced_on_service: Made,
    rewritten: Made,
    put_back: HashMap<PutBack, Made>,
    diff: Option<(String, i64, Result<String, Reason>)>,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            seen: Instant::now(),
            hash: String::new(),
            generation: 0,
            ours: String::new(),
            forced: Made::default(),
            forced_on_service: Made::default(),
            diff: None,
            rewritten: Made::default(),
            put_back: HashMap::new(),
        }
    }
}

/// Counts writes of one kind for one desired state.
#[derive(Default)]
struct Made {
    wish: String,
    times: Vec<Instant>,
}

impl Made {
    fn of_late(&mut self, now: Instant) -> &[Instant] {
        self.times
            .retain(|at| now.saturating_duration_since(*at) < FORCE_WINDOW);
        &self.times
    }

    /// Whether another write is allowed. A new desired state resets the count.
    fn is_left(&mut self, wish: &str, now: Instant) -> bool {
        self.of_late(now).len() < FORCES || self.wish != wish
    }

    /// Counts a successful write. A new desired state resets the count.
    fn made(&mut self, wish: &str, now: Instant) {
        if self.wish != wish {
            wish.clone_into(&mut self.wish);
            self.times.clear();
        }
        self.times.push(now);
    }
}

/// Forced writes are counted over all desired states.
const ANY: &str = "";

impl Ledger {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this rendering was applied, and either the spec is unchanged since, or its injected fields equal the API server's
    /// answer to the apply. Changes that an admission plugin makes to the operator's fields are not drift.
    pub fn is_settled(&self, uid: &str, hash: &str, generation: i64, ours: &str) -> bool {
        self.entries()
            .get(uid)
            .is_some_and(|entry| entry.hash == hash && (entry.generation == generation || entry.ours == ours))
    }

    /// Whether this rendering was applied before, so that writing it again is a repair.
    pub fn was_applied(&self, uid: &str, hash: &str) -> bool {
        self.entries().get(uid).is_some_and(|entry| entry.hash == hash)
    }

    /// The difference that was found for this rendering and this state of the Deployment.
    pub fn diff(&self, uid: &str, hash: &str, generation: i64) -> Option<Result<String, Reason>> {
        let entries = self.entries();
        let (of, found, diff) = entries.get(uid)?.diff.as_ref()?;
        (of == hash && *found == generation).then(|| diff.clone())
    }

    pub fn keep_diff(&self, uid: &str, hash: &str, generation: i64, diff: Result<String, Reason>) {
        let diff = diff.map(|diff| shorten(&diff, LONGEST_DIFF));
        self.entries().entry(uid.to_owned()).or_default().diff = Some((hash.to_owned(), generation, diff));
    }

    pub fn applied(&self, uid: &str, hash: &str, generation: i64, ours: &str) {
        let mut entries = self.entries();
        let entry = entries.entry(uid.to_owned()).or_default();
        hash.clone_into(&mut entry.hash);
        entry.generation = generation;
        ours.clone_into(&mut entry.ours);
    }

    /// Gives access to the entry of a Deployment, and creates it if necessary.
    fn entry<T>(&self, uid: &str, look: impl FnOnce(&mut Entry) -> T) -> T {
        look(self.entries().entry(uid.to_owned()).or_default())
    }

    /// Whether another forced write is allowed.
    pub fn may_force(&self, uid: &str) -> bool {
        self.entry(uid, |entry| entry.forced.is_left(ANY, Instant::now()))
    }

    /// Counts a successful forced write. A write that failed because the object had changed is repeated and not counted.
    pub fn forced(&self, uid: &str) {
        self.entry(uid, |entry| entry.forced.made(ANY, Instant::now()));
    }

    /// Whether another forced write to its Service is allowed.
    pub fn may_force_service(&self, uid: &str) -> bool {
        self.entry(uid, |entry| entry.forced_on_service.is_left(ANY, Instant::now()))
    }

    /// Counts a successful forced write to its Service.
    pub fn forced_service(&self, uid: &str) {
        self.entry(uid, |entry| entry.forced_on_service.made(ANY, Instant::now()));
    }

    /// Whether this operator's rendering may replace another one again for the same desired state.
    pub fn may_rewrite(&self, uid: &str, wish: &str) -> bool {
        self.entry(uid, |entry| entry.rewritten.is_left(wish, Instant::now()))
    }

    /// Counts a successful replacement. A new desired state resets the count.
    pub fn rewrote(&self, uid: &str, wish: &str) {
        self.entry(uid, |entry| entry.rewritten.made(wish, Instant::now()));
    }

    /// Whether a change that another client has undone may be restored now. The first write of a desired state does not wait.
    pub fn may_put_back(&self, uid: &str, what: PutBack, wish: &str, now: Instant) -> bool {
        self.entry(uid, |entry| {
            let made = entry.put_back.entry(what).or_default();
            if made.is_left(wish, now) {
                return true;
            }
            let beyond = made.times.len().saturating_sub(FORCES);
            let pause = FIRST_PAUSE.saturating_mul(1 << beyond.min(8)).min(LONGEST_PAUSE);
            let last = made.times.last();
            last.is_none_or(|last| now.saturating_duration_since(*last) >= pause)
        })
    }

    /// Counts a restoration. A new desired state resets the count.
    pub fn put_back(&self, uid: &str, what: PutBack, wish: &str, now: Instant) {
        self.entry(uid, |entry| entry.put_back.entry(what).or_default().made(wish, now));
    }

    /// Marks these Deployments as seen by a reconcile.
    pub fn seen<'a>(&self, uids: impl Iterator<Item = &'a str>, now: Instant) {
        let mut entries = self.entries();
        for uid in uids {
            if let Some(entry) = entries.get_mut(uid) {
                entry.seen = now;
            }
        }
    }

    /// Forgets Deployments that no longer exist. Their deletion is not reported.
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
    fn what_somebody_keeps_undoing_is_put_back_less_and_less_often_and_never_given_up() {
        let (ledger, start) = (Ledger::default(), Instant::now());
        let mut put_back = vec![];
        for second in 0..7200 {
            let now = start + Duration::from_secs(second);
            if ledger.may_put_back("a", PutBack::Signer, "h", now) {
                ledger.put_back("a", PutBack::Signer, "h", now);
                put_back.push(second);
            }
        }
        assert_eq!(put_back[..8], [0, 1, 2, 3, 4, 34, 94, 214]);
        let within_an_hour = put_back.iter().filter(|second| **second < 3600).count();
        assert!(within_an_hour <= 15, "{put_back:?}");
        let longest = put_back.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(longest <= Some(LONGEST_PAUSE.as_secs()), "{put_back:?}");
        let last = start + Duration::from_secs(7199);
        for (uid, what, wish) in [
            ("a", PutBack::Service, "h"),
            ("b", PutBack::Signer, "h"),
            ("a", PutBack::Signer, "another"),
        ] {
            assert!(ledger.may_put_back(uid, what, wish, last), "{uid} {what:?} {wish}");
        }
    }

    #[test]
    fn a_deployment_that_is_looked_at_keeps_all_that_is_counted_of_it() {
        let (ledger, now) = (Ledger::default(), Instant::now());
        for _ in 0..FORCES {
            ledger.rewrote("a", "1/t");
            ledger.forced("a");
            ledger.forced_service("a");
        }
        let later = now + REMEMBERED * 2;
        ledger.seen(["a"].into_iter(), later);
        ledger.forget_unseen(later + Duration::from_secs(1));
        assert!(!ledger.may_rewrite("a", "1/t") && !ledger.may_force("a") && !ledger.may_force_service("a"));
    }

    #[test]
    fn settled_until_our_part_moves() {
        let ledger = Ledger::default();
        assert!(!ledger.is_settled("a", "h", 1, "7"));
        ledger.applied("a", "h", 1, "7");
        assert!(ledger.is_settled("a", "h", 1, "7") && ledger.is_settled("a", "h", 1, "8"));
        assert!(
            ledger.is_settled("a", "h", 2, "7"),
            "others have changed something of theirs"
        );
        assert!(!ledger.is_settled("a", "h", 2, "8") && !ledger.is_settled("a", "i", 1, "7"));
        assert!(ledger.was_applied("a", "h"));
        ledger.forget("a");
        assert!(!ledger.was_applied("a", "h"));
    }

    #[test]
    fn a_deployment_that_nobody_comes_upon_any_more_is_forgotten() {
        let (ledger, now) = (Ledger::default(), Instant::now());
        ledger.applied("gone", "h", 1, "7");
        ledger.applied("there", "h", 1, "7");
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
