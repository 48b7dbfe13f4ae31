use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Maximum number of hedges ...
const MAX_HEDGES: usize = 10;
/// ... within this many calls: 5 %.
const WINDOW: u64 = 200;
/// Pause in hedging after the backend reported an exhausted quota.
const QUIET: Duration = Duration::from_secs(10);

/// Limits additional calls that are made in the hope of a faster answer.
#[derive(Debug, Default)]
pub struct Hedges {
    calls: u64,
    // The number of calls at each hedge.
    taken: VecDeque<u64>,
    exhausted: Option<Instant>,
}

impl Hedges {
    /// Records that a hash goes to the backend.
    pub const fn count_call(&mut self) {
        self.calls += 1;
    }

    /// Records an exhausted quota.
    pub const fn exhaust(&mut self, now: Instant) {
        self.exhausted = Some(now);
    }

    /// Whether a hedge may be sent. Counts it if so.
    pub fn take(&mut self, now: Instant) -> bool {
        while self.taken.front().is_some_and(|at| at + WINDOW <= self.calls) {
            self.taken.pop_front();
        }
        let is_quiet = self.exhausted.is_some_and(|at| now.duration_since(at) < QUIET);
        if is_quiet || self.taken.len() >= MAX_HEDGES {
            return false;
        }
        self.taken.push_back(self.calls);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_of_a_hundred_calls_are_hedged() {
        let (mut hedges, now) = (Hedges::default(), Instant::now());
        let mut taken = 0;
        for _ in 0..2000 {
            hedges.count_call();
            taken += u32::from(hedges.take(now));
        }
        assert_eq!(taken, 100);
    }

    #[test]
    fn a_used_up_quota_ends_it_for_ten_seconds() {
        let (mut hedges, now) = (Hedges::default(), Instant::now());
        hedges.exhaust(now);
        assert!(!hedges.take(now + Duration::from_secs(9)));
        assert!(hedges.take(now + Duration::from_secs(10)));
    }
}
