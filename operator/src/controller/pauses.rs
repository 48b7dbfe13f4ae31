//! Pauses between refused writes. No matter how often a reconcile runs, a write that the API server has refused is not sent again
//! before its pause is over. Each pause is twice as long as the previous one. Pauses are lost with the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kube::core::Status;

use super::schedule::backoff;
use crate::model::error::retry_after;

/// A new desired state for the same object, such as a changed binding, waits only this long. It does wait, because desired states
/// may alternate.
const ANOTHER_WISH: Duration = Duration::from_secs(2);

/// How long an entry is remembered after its pause.
const REMEMBERED: Duration = Duration::from_mins(10);

/// One kind of write to one object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The object's uid, or another unique identification.
    pub object: String,
    pub attempt: &'static str,
}

/// The last refusals, by object and kind of write.
#[derive(Clone, Default)]
pub struct Pauses(Arc<Mutex<HashMap<Key, Refused>>>);

struct Refused {
    wish: u64,
    in_a_row: u32,
    at: Instant,
    pause: Duration,
    status: Status,
}

impl Refused {
    fn left(&self, wish: u64, now: Instant) -> Duration {
        let pause = if self.wish == wish {
            self.pause
        } else {
            self.pause.min(ANOTHER_WISH)
        };
        (self.at + pause).saturating_duration_since(now)
    }
}

impl Pauses {
    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Refused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The API server's last answer and how long it holds. None if the write may be sent.
    pub fn holds(&self, key: &Key, wish: u64, now: Instant) -> Option<(Status, Duration)> {
        let entries = self.entries();
        let refused = entries.get(key)?;
        let left = refused.left(wish, now);
        (!left.is_zero()).then(|| (refused.status.clone(), left))
    }

    /// Records a refused write. Returns whether the refusal is new.
    pub fn refused(&self, key: Key, wish: u64, status: &Status, now: Instant) -> bool {
        let mut entries = self.entries();
        let before = entries.remove(&key);
        let in_a_row = before.as_ref().map_or(0, |before| before.in_a_row);
        let pause = backoff::wait(in_a_row).max(retry_after(status).unwrap_or_default());
        let is_news = before.is_none_or(|before| before.status.message != status.message);
        let refused = Refused {
            wish,
            in_a_row: in_a_row.saturating_add(1),
            at: now,
            pause,
            status: status.clone(),
        };
        entries.insert(key, refused);
        is_news
    }

    /// Records a successful write.
    pub fn went_through(&self, key: &Key) {
        self.entries().remove(key);
    }

    /// Forgets writes that are no longer tried.
    pub fn forget_old(&self, now: Instant) {
        self.entries()
            .retain(|_, refused| now.saturating_duration_since(refused.at + refused.pause) < REMEMBERED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(object: &str) -> Key {
        Key {
            object: object.to_owned(),
            attempt: "write it",
        }
    }

    fn answer(message: &str) -> Status {
        Status::failure(message, "Forbidden").with_code(403)
    }

    #[test]
    fn the_pause_grows_however_often_somebody_asks() {
        let (pauses, start) = (Pauses::default(), Instant::now());
        let sent = (0..600).filter(|second| {
            let now = start + Duration::from_secs(*second);
            let may = pauses.holds(&key("a"), 1, now).is_none();
            if may {
                pauses.refused(key("a"), 1, &answer("no"), now);
            }
            may
        });
        let sent = sent.count();
        assert!((10..20).contains(&sent), "{sent} in ten minutes");
        assert!(pauses.holds(&key("b"), 1, start).is_none(), "another object");
    }

    #[test]
    fn another_wish_waits_for_a_moment_and_success_forgets() {
        let (pauses, now) = (Pauses::default(), Instant::now());
        for _ in 0..9 {
            pauses.refused(key("a"), 1, &answer("no"), now);
        }
        let left = |wish| pauses.holds(&key("a"), wish, now).map(|(_, left)| left);
        assert_eq!(left(2), Some(ANOTHER_WISH));
        assert!(left(1) > Some(Duration::from_secs(50)), "{:?}", left(1));
        pauses.went_through(&key("a"));
        assert_eq!(left(1), None);
    }

    #[test]
    fn the_same_answer_is_news_once() {
        let (pauses, now) = (Pauses::default(), Instant::now());
        assert!(pauses.refused(key("a"), 1, &answer("no"), now));
        assert!(!pauses.refused(key("a"), 1, &answer("no"), now));
        assert!(pauses.refused(key("a"), 1, &answer("never"), now));
        pauses.forget_old(now + REMEMBERED * 2);
        assert!(pauses.refused(key("a"), 1, &answer("never"), now), "it was forgotten");
    }
}
