//! The lifetime of a token, and when it is renewed or replaced.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::token::Token;
use crate::backend::fault::Fault;

/// Minimum time between renewals of a token with a lifetime of one or two seconds.
const SHORTEST: Duration = Duration::from_millis(500);
/// Maximum pause between attempts to renew or replace a token that is still valid.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A token that never worked may lack all permissions. After this time, another one is tried.
const DOUBTED_AFTER: Duration = Duration::from_mins(1);

/// The key service's answer to a login.
#[derive(Debug)]
pub struct Grant {
    /// The token.
    pub token: Token,
    /// The identity that the server assigned to it.
    pub identity: String,
    /// Its lifetime. None if it does not expire.
    pub life: Option<Duration>,
    /// Whether it can be renewed.
    pub is_renewable: bool,
}

/// A token as its users see it.
#[derive(Debug)]
pub struct Lease {
    pub token: Token,
    pub identity: String,
    since: Instant,
    worked: AtomicBool,
    last_look: Mutex<Option<(Instant, Verdict)>>,
}

/// The result of a token check after a denied call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The service no longer accepts it.
    Dead(Fault),
    /// It is valid; its permissions are a separate question.
    Good,
    /// The check failed.
    Unknown(Fault),
}

/// The next step for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Renew,
    LogIn,
}

/// The token in use, and its times.
#[derive(Clone, Debug)]
pub struct Term {
    pub lease: Arc<Lease>,
    /// Its full lifetime when it was new.
    life: Option<Duration>,
    ends: Option<Instant>,
    next: Option<(Instant, Act)>,
    is_renewable: bool,
}

impl Lease {
    /// Records a successful call.
    pub fn note_success(&self) {
        self.worked.store(true, Relaxed);
    }

    /// Whether a denied check means that the token is dead. A token that never worked may lack all permissions. A
    /// replacement would not help then, and each denial would cause another login.
    pub fn is_dead_if_denied(&self, now: Instant) -> bool {
        self.worked.load(Relaxed) || now.duration_since(self.since) >= DOUBTED_AFTER
    }

    /// The result of a check after this moment.
    pub fn verdict_after(&self, asked: Instant) -> Option<Verdict> {
        let last = self.last_look.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref()
            .filter(|(at, _)| *at > asked)
            .map(|(_, verdict)| verdict.clone())
    }

    pub fn note_verdict(&self, at: Instant, verdict: Verdict) {
        *self.last_look.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, verdict));
    }
}

impl Term {
    /// A token that was requested at this moment, from which its lifetime may count.
    pub fn begin(grant: Grant, asked: Instant) -> Self {
        let Grant {
            token,
            identity,
            life,
            is_renewable,
        } = grant;
        let mut term = Self {
            lease: Arc::new(Lease {
                token,
                identity,
                since: asked,
                worked: AtomicBool::new(false),
                last_look: Mutex::default(),
            }),
            life,
            ends: None,
            next: None,
            is_renewable,
        };
        term.runs(life, asked);
        term
    }

    /// Records a renewal that was requested at this moment, from which the new lifetime counts.
    pub fn renewed(&mut self, life: Duration, asked: Instant) {
        self.runs(Some(life), asked);
    }

    fn runs(&mut self, life: Option<Duration>, since: Instant) {
        self.ends = life.map(|life| since + life);
        self.next = life.map(|life| {
            // Close to its maximum lifetime, each renewal extends a token by less.
            let is_worth_it = self.life.is_some_and(|whole| life * 2 >= whole);
            let act = if self.is_renewable && is_worth_it {
                Act::Renew
            } else {
                Act::LogIn
            };
            (since + (life * 2 / 3).max(SHORTEST), act)
        });
    }

    /// The token cannot be renewed and must be replaced now.
    pub fn not_renewable(&mut self, now: Instant) {
        self.is_renewable = false;
        self.next = Some((now, Act::LogIn));
    }

    /// The step failed, and is retried later.
    pub fn postpone(&mut self, now: Instant) {
        let left = self
            .ends
            .map_or(LONGEST_PAUSE, |ends| ends.saturating_duration_since(now));
        let at = now + (left / 4).clamp(SHORTEST, LONGEST_PAUSE);
        self.next = self.next.map(|(_, act)| (at, act));
    }

    /// The next step and its time.
    pub const fn next(&self) -> Option<(Instant, Act)> {
        self.next
    }

    /// Whether it has expired.
    pub fn is_over(&self, now: Instant) -> bool {
        self.ends.is_some_and(|ends| ends <= now)
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::backend::fault::Cause;

    fn term(life: Option<u64>, is_renewable: bool, now: Instant) -> Term {
        let grant = Grant {
            token: Token::new(Zeroizing::new("secret".to_owned())),
            identity: "somebody".to_owned(),
            life: life.map(Duration::from_secs),
            is_renewable,
        };
        Term::begin(grant, now)
    }

    /// In milliseconds from that moment.
    fn next(term: &Term, now: Instant) -> Option<(u128, Act)> {
        term.next().map(|(at, act)| (at.duration_since(now).as_millis(), act))
    }

    #[test]
    fn a_token_is_renewed_at_two_thirds_of_its_life_and_replaced_before_its_end() {
        let now = Instant::now();
        for (life, is_renewable, expected) in [
            (Some(3_600), true, Some((2_400_000, Act::Renew))),
            (Some(3_600), false, Some((2_400_000, Act::LogIn))),
            (Some(2), true, Some((1_333, Act::Renew))),
            (Some(0), true, Some((500, Act::Renew))),
            (None, true, None),
            (None, false, None),
        ] {
            let term = term(life, is_renewable, now);
            assert_eq!(next(&term, now), expected, "{life:?} {is_renewable}");
            assert_eq!(term.is_over(now + Duration::from_hours(2)), life.is_some());
        }
        // With a maximum lifetime of 150 s: two renewals for 60 s, one for 30 s, then one for less than half of the original.
        let mut term = term(Some(60), true, now);
        for (at, life, expected) in [
            (40, 60, (80_000, Act::Renew)),
            (80, 60, (120_000, Act::Renew)),
            (120, 30, (140_000, Act::Renew)),
            (140, 10, (146_666, Act::LogIn)),
        ] {
            term.renewed(Duration::from_secs(life), now + Duration::from_secs(at));
            assert_eq!(next(&term, now), Some(expected), "{at}");
        }
    }

    #[test]
    fn what_fails_is_tried_again_ever_sooner_towards_the_end() {
        let now = Instant::now();
        let mut term = term(Some(60), true, now);
        for (at, expected) in [(40, 45_000), (45, 48_750), (59, 59_500), (70, 70_500)] {
            term.postpone(now + Duration::from_secs(at));
            assert_eq!(next(&term, now), Some((expected, Act::Renew)));
        }
        term.not_renewable(now);
        assert_eq!(next(&term, now), Some((0, Act::LogIn)));
        let mut long = self::term(Some(86_400), false, now);
        long.postpone(now);
        assert_eq!(next(&long, now), Some((30_000, Act::LogIn)));
    }

    #[test]
    fn only_a_token_that_worked_or_is_old_is_dead_when_all_is_denied() {
        let now = Instant::now();
        let lease = term(Some(60), true, now).lease;
        assert!(!lease.is_dead_if_denied(now));
        assert!(lease.is_dead_if_denied(now + DOUBTED_AFTER));
        lease.note_success();
        assert!(lease.is_dead_if_denied(now));
        let verdict = Verdict::Unknown(Fault::new(Cause::Io, "away"));
        lease.note_verdict(now, verdict.clone());
        assert_eq!(lease.verdict_after(now), None);
        assert_eq!(lease.verdict_after(now.checked_sub(SHORTEST).unwrap()), Some(verdict));
    }
}
