//! Limits how often a watch is established.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// A watch that ends immediately is re-established immediately this many times, then once per [`SPACING`].
const SPACING: Duration = Duration::from_secs(1);
const BURST: u32 = 4;

/// By path, when the next watch would be due at the regular spacing.
#[derive(Debug, Default)]
pub struct Paces(HashMap<String, Instant>);

impl Paces {
    /// When a watch of this path that is wanted now may be established.
    pub fn turn(&mut self, path: &str, now: Instant) -> Instant {
        let next = self.0.entry(path.to_owned()).or_insert(now);
        *next = (*next).max(now) + SPACING;
        (*next - SPACING * BURST).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_that_keeps_ending_is_asked_for_once_a_second_and_others_at_once() {
        let (mut paces, start) = (Paces::default(), Instant::now());
        let mut now = start;
        for _ in 0..60 {
            now = paces.turn("/api/v1/pods", now);
        }
        assert!(now - start >= SPACING * 55, "{:?}", now - start);
        assert_eq!(paces.turn("/api/v1/services", now), now);
        let later = now + SPACING * (BURST + 1);
        for _ in 0..BURST {
            assert_eq!(paces.turn("/api/v1/pods", later), later);
        }
    }
}
