//! A clock that continues while the host is suspended. The usual clock of Linux stops during suspension, so a process that wakes
//! up would not notice that time has passed.

use std::ops::Add;
use std::time::Duration;

#[cfg(unix)]
use nix::time::{ClockId, clock_gettime};

#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
#[cfg(all(unix, not(target_os = "linux")))]
const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;

#[cfg(unix)]
fn read() -> Option<Duration> {
    clock_gettime(CLOCK).ok().map(Duration::from)
}

/// Windows builds have only the commands, which hold no Lease. The operator itself runs on Linux.
#[cfg(windows)]
fn read() -> Option<Duration> {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    Some(START.get_or_init(std::time::Instant::now).elapsed())
}

/// A time on that clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootTime(Duration);

impl BootTime {
    /// The present time. If the clock cannot be read, the latest possible time, so that every deadline counts as passed.
    pub fn now() -> Self {
        Self(read().unwrap_or(Duration::MAX))
    }
}

impl Add<Duration> for BootTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_can_be_read_and_goes_on() {
        let now = BootTime::now();
        assert!(now < BootTime(Duration::MAX) && now <= BootTime::now());
        let end = BootTime(Duration::MAX);
        assert!(
            end >= end + Duration::from_secs(8),
            "nothing holds until later than the end"
        );
    }
}
