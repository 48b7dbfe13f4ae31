use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Bits for the microseconds of the slowest request, below those for its minute: enough for twelve days.
const MINUTE: u32 = 40;

/// Count, sum and maximum of some requests, without a lock.
#[derive(Debug, Default)]
pub struct Series {
    count: AtomicU64,
    nanoseconds: AtomicU64,
    /// The slowest of the present minute and of the previous one, alternately: the minute and the microseconds.
    slowest: [AtomicU64; 2],
}

impl Series {
    /// Counts a request with this duration, at this time since the start.
    pub fn count(&self, duration: Duration, age: Duration) {
        self.count.fetch_add(1, Relaxed);
        self.nanoseconds.fetch_add(saturate(duration.as_nanos()), Relaxed);
        let minute = age.as_secs() / 60;
        let slowest = minute << MINUTE | saturate(duration.as_micros()).min((1 << MINUTE) - 1);
        let slot = &self.slowest[usize::from(minute % 2 == 1)];
        // Rarely true, and reading is cheaper than writing.
        if slot.load(Relaxed) < slowest {
            slot.fetch_max(slowest, Relaxed);
        }
    }

    /// The number of requests and the sum of their durations.
    pub fn sum(&self) -> (u64, Duration) {
        let nanoseconds = self.nanoseconds.load(Relaxed);
        (self.count.load(Relaxed), Duration::from_nanos(nanoseconds))
    }

    /// The slowest of the present minute and of the previous one, at this time since the start.
    pub fn slowest(&self, age: Duration) -> Duration {
        let minute = age.as_secs() / 60;
        let slots = self.slowest.iter().map(|slot| slot.load(Relaxed));
        let recent = slots.filter(|slot| minute - (slot >> MINUTE).min(minute) <= 1);
        let microseconds = recent.map(|slot| slot & ((1 << MINUTE) - 1)).max();
        Duration::from_micros(microseconds.unwrap_or(0))
    }
}

fn saturate(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_is_forgotten_after_two_minutes() {
        let series = Series::default();
        let minute = |number| Duration::from_mins(number);
        let (slow, fast) = (Duration::from_secs(1), Duration::from_millis(1));
        series.count(slow, minute(0));
        series.count(fast, minute(1));
        assert_eq!(series.slowest(minute(1)), slow);
        assert_eq!(series.slowest(minute(2)), fast);
        assert_eq!(series.slowest(minute(9)), Duration::ZERO);
        series.count(fast, minute(9));
        assert_eq!(series.slowest(minute(9)), fast);
        assert_eq!(series.sum(), (3, slow + fast + fast));
    }
}
