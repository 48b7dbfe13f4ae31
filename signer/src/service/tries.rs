//! How often one hash is sent.

use std::time::Duration;

use tokio::time::Instant;

use crate::backend::{Again, Cause};

/// Before the next attempts; then the last one again and again.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_secs(1),
];

/// Between two calls for a hash that was refused, no matter who asks for it.
const REST: Duration = Duration::from_secs(1);

/// What was tried for a hash already.
///
/// An attempt follows one that failed after the pauses, and one that hangs after 2 s; each hash is hedged once at most. So in any
/// time of `t` seconds a hash is sent at most `6 + t` times: four pauses are shorter than a second, and no two attempts
/// along with the hedge are closer to each other than a pause.
#[derive(Clone, Debug, Default)]
pub struct Tries {
    paused: usize,
    had_its_chance: bool,
    is_hedged: bool,
    sent: Option<Instant>,
}

impl Tries {
    /// When to try again after this failure; `None`: not before somebody asks again.
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

    /// It is sent now.
    pub fn send(&mut self) {
        self.sent = Some(Instant::now());
    }

    /// When it may be sent again after it was refused.
    pub fn rests_until(&self) -> Option<Instant> {
        self.sent.map(|sent| sent + REST)
    }

    /// Whether it had its hedge.
    pub const fn is_hedged(&self) -> bool {
        self.is_hedged
    }

    /// It has its hedge now.
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
