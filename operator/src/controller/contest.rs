//! Detects another operator that writes the same bindings. A Lease keeps two operators apart only if both use the same one. With
//! Leases in two namespaces, each would replace the other's signer with its own, and each replacement would restart pods.
//!
//! The status names its writer. An operator that finds another name after it had written its own has a competitor. Then the
//! operator whose Lease is in the alphabetically first namespace continues. The other only asks from time to time, by writing its
//! name into the status, whether it still has to leave the binding alone. An operator that starts and finds such a name asks
//! before it writes anything else; otherwise each of its starts would replace pods. It does the same if it finds its own
//! question, because it ended before the answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crds::WrittenBy;

/// How long a competitor that was seen writing is remembered.
const REMEMBERED: Duration = Duration::from_mins(5);
/// How often the waiting operator asks. Shorter than [`REMEMBERED`], so that it is not forgotten.
const ASKED: Duration = Duration::from_mins(4);
/// How often it asks while the other operator does not report a competitor. The other one's write may have replaced this
/// operator's name before it saw the name.
const REPEATED: Duration = Duration::from_secs(5);
/// A running operator answers immediately, because the question wakes it.
const ANSWERED: Duration = Duration::from_secs(30);

/// The other operators, by the uid of the binding.
#[derive(Clone)]
pub struct Contest {
    us: Arc<WrittenBy>,
    entries: Arc<Mutex<HashMap<String, Entry>>>,
}

#[derive(Default)]
struct Entry {
    /// Whether the status had this operator's name when it was last read or written.
    is_ours: bool,
    other: Option<Other>,
    asked: Option<Instant>,
    /// Whether this operator has checked the binding before.
    is_known: bool,
}

struct Other {
    /// None if the status does not name its writer, as with earlier versions.
    who: Option<WrittenBy>,
    seen: Instant,
    /// Whether the other operator was seen writing. A name alone may be old.
    is_proven: bool,
}

/// Which operator may write a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// This operator, without a competitor.
    Ours,
    /// This operator, with a competitor.
    OursWith(WrittenBy),
    /// Possibly another operator. This operator's name must wake it; wait at least this long.
    Introduce(Duration),
    /// The other operator. This operator answers with its own name, so that the other one learns about it.
    Ask(Option<WrittenBy>),
    /// The other operator, for at least this long.
    Theirs(Duration),
}

impl Contest {
    /// No competitor is known.
    pub fn new(us: WrittenBy) -> Self {
        Self {
            us: Arc::new(us),
            entries: Arc::default(),
        }
    }

    /// This operator.
    pub fn us(&self) -> &WrittenBy {
        &self.us
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides who may write, given the writer's name in the status, and whether the status says `Contested`.
    pub fn look(&self, uid: &str, found: Option<&WrittenBy>, says_so: bool, now: Instant) -> Turn {
        let mut entries = self.entries();
        let entry = entries.entry(uid.to_owned()).or_default();
        let was_ours = entry.is_ours;
        entry.is_ours = found.is_some_and(|found| is_same(found, &self.us));
        let is_known = std::mem::replace(&mut entry.is_known, true);
        // It may be this operator's predecessor, as long as this operator has not written its own name.
        if was_ours && !entry.is_ours {
            if entry.other.as_ref().is_some_and(|other| !other.is_proven) {
                entry.asked = None;
            }
            entry.other = Some(Other {
                who: found.map(named),
                seen: now,
                is_proven: true,
            });
        }
        let before_us = found.filter(|found| !is_known && self.is_to_be_asked(found));
        if let Some(before_us) = before_us {
            entry.asked = Some(now);
            entry.other = Some(Other {
                who: Some(named(before_us)),
                seen: now,
                is_proven: false,
            });
            return Turn::Introduce(ANSWERED);
        }
        let ago = |time: Instant| now.saturating_duration_since(time);
        let is_unanswered = entry.is_ours && entry.asked.is_some_and(|asked| ago(asked) >= ANSWERED);
        entry
            .other
            .take_if(|other| is_unanswered || ago(other.seen) >= REMEMBERED);
        let Some(Other { who, is_proven, .. }) = &entry.other else {
            entry.asked = None;
            return Turn::Ours;
        };
        match who {
            _ if !is_proven => Turn::Theirs(
                entry
                    .asked
                    .map_or(ANSWERED, |asked| ANSWERED.saturating_sub(ago(asked))),
            ),
            Some(who) if precedes(&self.us, who) => Turn::OursWith(who.clone()),
            // An earlier version does not yield.
            who => {
                let pause = if says_so || who.is_none() { ASKED } else { REPEATED };
                if entry.asked.is_none_or(|asked| ago(asked) >= pause) {
                    entry.asked = Some(now);
                    Turn::Ask(who.clone())
                } else {
                    Turn::Theirs(pause)
                }
            }
        }
    }

    /// Whether the writer's name in the status may belong to a running operator that takes precedence.
    fn is_to_be_asked(&self, found: &WrittenBy) -> bool {
        if is_same(found, &self.us) {
            return found.asks == Some(true);
        }
        found.lease_namespace.is_some() && precedes(found, &self.us)
    }

    /// Records a write of the status, and which name the API server kept. An older schema drops the name, and then its absence
    /// means nothing.
    pub fn wrote(&self, uid: &str, kept: Option<&WrittenBy>) {
        let is_ours = kept.is_some_and(|kept| is_same(kept, &self.us));
        self.entries().entry(uid.to_owned()).or_default().is_ours = is_ours;
    }

    /// Keeps the entries of these bindings.
    pub fn retain(&self, exists: impl Fn(&str) -> bool) {
        self.entries().retain(|uid, _| exists(uid));
    }
}

/// Operators that share a Lease count as one, because they never write at the same time.
fn is_same(one: &WrittenBy, other: &WrittenBy) -> bool {
    one.lease_namespace == other.lease_namespace && (one.lease_namespace.is_some() || one.identity == other.identity)
}

/// The identity without the purpose of the write.
fn named(by: &WrittenBy) -> WrittenBy {
    WrittenBy {
        asks: None,
        ..by.clone()
    }
}

/// Both operators come to the same result.
fn precedes(one: &WrittenBy, other: &WrittenBy) -> bool {
    let key = |by: &WrittenBy| (by.lease_namespace.clone(), by.identity.clone());
    key(one) < key(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator(namespace: &str, identity: &str) -> WrittenBy {
        WrittenBy {
            lease_namespace: Some(namespace.to_owned()),
            identity: identity.to_owned(),
            asks: None,
        }
    }

    fn question(by: &WrittenBy) -> WrittenBy {
        WrittenBy {
            asks: Some(true),
            ..by.clone()
        }
    }

    /// Who wrote the status of one binding, and whether it says `Contested`.
    type Status = Option<(WrittenBy, bool)>;

    /// Simulates one turn of an operator.
    fn turn(contest: &Contest, status: &mut Status, now: Instant) -> Turn {
        let (found, says_so) = status.clone().unzip();
        let says_so = says_so == Some(true);
        let turn = contest.look("u", found.as_ref(), says_so, now);
        match turn {
            Turn::Theirs(_) => {}
            Turn::Ask(_) | Turn::Introduce(_) => {
                let asking = question(contest.us());
                contest.wrote("u", Some(&asking));
                *status = Some((asking, says_so));
            }
            Turn::Ours | Turn::OursWith(_) => write(contest, status, matches!(turn, Turn::OursWith(_))),
        }
        turn
    }

    fn write(contest: &Contest, status: &mut Status, says: bool) {
        *status = Some((contest.us().clone(), says));
        contest.wrote("u", Some(contest.us()));
    }

    #[test]
    fn a_question_that_was_written_over_unseen_is_asked_again() {
        let (one, other) = (Contest::new(operator("a", "a-1")), Contest::new(operator("b", "b-1")));
        let (mut status, now) = (None, Instant::now());
        turn(&other, &mut status, now);
        turn(&one, &mut status, now);
        assert!(matches!(turn(&other, &mut status, now), Turn::Ask(_)));
        // It had checked the binding before.
        write(&one, &mut status, false);
        assert_eq!(turn(&other, &mut status, now), Turn::Theirs(REPEATED));
        assert!(matches!(turn(&other, &mut status, now + REPEATED), Turn::Ask(_)));
        assert!(matches!(turn(&one, &mut status, now + REPEATED), Turn::OursWith(_)));
        assert_eq!(turn(&other, &mut status, now + 2 * REPEATED), Turn::Theirs(ASKED));
    }

    #[test]
    fn of_two_one_goes_on_and_the_other_asks_until_it_is_not_answered() {
        let (first, second) = (operator("a", "a-1"), operator("b", "b-1"));
        let (one, other) = (Contest::new(first.clone()), Contest::new(second.clone()));
        let (mut status, start) = (None, Instant::now());
        assert_eq!(turn(&one, &mut status, start), Turn::Ours);
        assert_eq!(turn(&other, &mut status, start), Turn::Introduce(ANSWERED));
        assert_eq!(turn(&one, &mut status, start), Turn::OursWith(second.clone()));
        assert_eq!(turn(&other, &mut status, start), Turn::Ask(Some(first.clone())));
        assert_eq!(turn(&one, &mut status, start), Turn::OursWith(second.clone()));
        let mut now = start;
        for _ in 0..3 {
            for _ in 0..3 {
                now += Duration::from_mins(1);
                assert_eq!(turn(&other, &mut status, now), Turn::Theirs(ASKED));
                assert_eq!(turn(&one, &mut status, now), Turn::OursWith(second.clone()));
            }
            now += Duration::from_mins(1);
            assert_eq!(turn(&other, &mut status, now), Turn::Ask(Some(first.clone())));
            assert_eq!(turn(&one, &mut status, now), Turn::OursWith(second.clone()));
        }
        // The first one ends, and the second takes over.
        now += ASKED;
        assert_eq!(turn(&other, &mut status, now), Turn::Ask(Some(first)));
        assert_eq!(turn(&other, &mut status, now + ANSWERED), Turn::Ours);
        // If the second one ends instead, the first one forgets it.
        assert_eq!(one.look("v", None, false, now), Turn::Ours);
        one.wrote("v", Some(one.us()));
        assert_eq!(one.look("v", Some(&second), false, now), Turn::OursWith(second.clone()));
        one.wrote("v", Some(one.us()));
        let still = one.look("v", Some(one.us()), false, now + Duration::from_mins(1));
        assert_eq!(still, Turn::OursWith(second));
        assert_eq!(one.look("v", Some(one.us()), false, now + REMEMBERED), Turn::Ours);
    }

    #[test]
    fn one_that_shares_the_lease_or_is_followed_is_no_other() {
        let one = Contest::new(operator("a", "a-1"));
        let now = Instant::now();
        one.wrote("u", Some(one.us()));
        assert_eq!(one.look("u", Some(&operator("a", "a-2")), false, now), Turn::Ours);
        // It takes over from an operator in another namespace that has ended.
        assert_eq!(one.look("v", Some(&operator("b", "b-1")), false, now), Turn::Ours);
        assert_eq!(one.look("v", Some(&operator("b", "b-1")), false, now), Turn::Ours);
    }

    #[test]
    fn an_earlier_version_is_left_alone_and_a_schema_without_the_field_is_no_other() {
        let one = Contest::new(operator("a", "a-1"));
        let now = Instant::now();
        one.wrote("u", Some(one.us()));
        assert_eq!(one.look("u", None, false, now), Turn::Ask(None));
        assert_eq!(one.look("u", None, false, now), Turn::Theirs(ASKED));
        // The second one does not answer.
        one.wrote("u", Some(one.us()));
        assert_eq!(one.look("u", Some(one.us()), false, now + ANSWERED), Turn::Ours);
        one.wrote("v", None);
        assert_eq!(one.look("v", None, false, now), Turn::Ours);
    }

    #[test]
    fn one_that_starts_beside_another_writes_nothing_before_it_knows_that_it_is_alone() {
        let (first, second) = (operator("a", "a-1"), operator("b", "b-1"));
        let (one, mut status, start) = (Contest::new(first.clone()), None, Instant::now());
        turn(&one, &mut status, start);
        for restart in 0..3 {
            let other = Contest::new(second.clone());
            let now = start + Duration::from_mins(restart);
            assert_eq!(turn(&other, &mut status, now), Turn::Introduce(ANSWERED));
            assert_eq!(
                turn(&other, &mut status, now),
                Turn::Theirs(ANSWERED),
                "not answered yet"
            );
            assert_eq!(turn(&one, &mut status, now), Turn::OursWith(second.clone()));
            assert_eq!(
                turn(&other, &mut status, now),
                Turn::Ask(Some(first.clone())),
                "it tells so"
            );
            assert_eq!(turn(&one, &mut status, now), Turn::OursWith(second.clone()));
        }
        // The release moved to another namespace, and nobody answers.
        let moved = Contest::new(second);
        let mut status = Some((first, false));
        assert_eq!(turn(&moved, &mut status, start), Turn::Introduce(ANSWERED));
        assert_eq!(turn(&moved, &mut status, start + ANSWERED), Turn::Ours);
    }

    #[test]
    fn one_that_ended_before_it_was_answered_asks_again() {
        let (first, second) = (operator("a", "a-1"), operator("b", "b-1"));
        let (one, mut status, start) = (Contest::new(first.clone()), None, Instant::now());
        turn(&one, &mut status, start);
        for identity in ["b-1", "b-2"] {
            let other = Contest::new(operator("b", identity));
            assert_eq!(turn(&other, &mut status, start), Turn::Introduce(ANSWERED));
            assert_eq!(turn(&other, &mut status, start), Turn::Theirs(ANSWERED));
        }
        let other = Contest::new(second.clone());
        assert_eq!(turn(&other, &mut status, start), Turn::Introduce(ANSWERED));
        assert_eq!(turn(&one, &mut status, start), Turn::OursWith(second.clone()));
        assert_eq!(turn(&other, &mut status, start), Turn::Ask(Some(first.clone())));
        // The operator with precedence waits for no answer to the other one's question, not even after a restart.
        assert_eq!(turn(&Contest::new(first), &mut status, start), Turn::Ours);
        // No other operator is left.
        let (alone, mut status) = (Contest::new(second.clone()), Some((question(&second), true)));
        assert_eq!(turn(&alone, &mut status, start), Turn::Introduce(ANSWERED));
        assert_eq!(turn(&alone, &mut status, start + ANSWERED), Turn::Ours);
        assert_eq!(status, Some((second, false)));
    }
}
