//! Limits how often one hash is sent.

use std::time::Duration;

use tokio::time::Instant;

use crate::backend::{Again, Cause};

/// Pauses before the next attempts. The last one repeats.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_secs(1),
];

/// Pause between two calls for a refused hash, for all its callers.
const REST: Duration = Duration::from_secs(1);

/// The attempts for a hash so far.
///
/// A new attempt follows a failed one after a pause, and a hanging one after 2 s. Each hash is hedged at most once. So within `t`
/// seconds a hash is sent at most `6 + t` times: four pauses are shorter than a second, and the distance between any two
/// attempts, except the hedge, is at least a pause.
#[derive(Clone, Debug, Default)]
pub struct Tries {
    paused: usize,
    had_its_chance: bool,
    is_hedged: bool,
    sent: Option<Instant>,
}

impl Tries {
    /// When to retry after this failure. `None` means not before another request.
    pub fn after(&mut self, cause: Cause) -> Option<Duration> {
        match cause.again() {
            Again::No => return None,
            Again::Once if std::mem::replace(&mut self.had_its_chance, true) => return None,
            Again::Once | Again::Yes => {}
        }
        let pause = PAUSES[self.paused.min(PAUSES.len() - 1)];
        self.paused += 1;
        Some(pause)
    }

    /// Records an attempt.
    pub fn send(&mut self) {
        self.sent = Some(Instant::now());
    }

    /// When it may be sent again after a refusal.
    pub fn rests_until(&self) -> Option<Instant> {
        self.sent.map(|sent| sent + REST)
    }

    /// Whether it was hedged.
    pub const fn is_hedged(&self) -> bool {
        self.is_hedged
    }

    /// Records its hedge.
    pub const fn hedge(&mut self) {
        self.is_hedged = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_second_and_stay_there() {
        let mut tries = Tries::default();
        let milliseconds: Vec<u128> = (0..8)
            .filter_map(|_| tries.after(Cause::Unavailable))
            .map(|pause| pause.as_millis())
            .collect();
        assert_eq!(milliseconds, [50, 100, 200, 400, 1000, 1000, 1000, 1000]);
    }

    #[test]
    fn what_fails_for_good_is_not_tried_and_an_invalid_argument_once() {
        let mut tries = Tries::default();
        assert_eq!(tries.after(Cause::PermissionDenied), None);
        assert!(tries.after(Cause::InvalidArgument).is_some());
        assert_eq!(tries.after(Cause::InvalidArgument), None);
        assert!(tries.after(Cause::Io).is_some(), "that is another trouble");
    }
}
