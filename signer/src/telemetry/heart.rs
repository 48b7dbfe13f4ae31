use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// A runtime whose last heartbeat is older counts as stuck.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// The heartbeat of one runtime. It is forgotten when its last owner drops it.
#[derive(Debug)]
pub struct Heart {
    start: Instant,
    beat: AtomicU64,
}

impl Heart {
    pub(super) fn since(start: Instant) -> Self {
        Self {
            start,
            beat: AtomicU64::new(0),
        }
    }

    /// Records a heartbeat.
    pub fn beat(&self) {
        let elapsed = self.start.elapsed().as_millis();
        self.beat.store(u64::try_from(elapsed).unwrap_or(u64::MAX), Relaxed);
    }

    fn is_stuck(&self) -> bool {
        let beat = Duration::from_millis(self.beat.load(Relaxed));
        self.start.elapsed().saturating_sub(beat) >= LIMIT
    }
}

/// The heartbeats of all runtimes that serve the API.
#[derive(Debug, Default)]
pub struct Hearts(Mutex<Vec<Weak<Heart>>>);

impl Hearts {
    /// Adds a runtime, with a first heartbeat.
    pub fn add(&self) -> Arc<Heart> {
        self.keep(Heart::since(Instant::now()))
    }

    pub(super) fn keep(&self, heart: Heart) -> Arc<Heart> {
        let heart = Arc::new(heart);
        let mut hearts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hearts.push(Arc::downgrade(&heart));
        heart
    }

    /// Whether the last heartbeat of a runtime is too old.
    pub fn is_one_stuck(&self) -> bool {
        let hearts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hearts.iter().filter_map(Weak::upgrade).any(|heart| heart.is_stuck())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stuck_runtime_is_enough_and_one_that_ended_is_forgotten() {
        let hearts = Hearts::default();
        let _beating = hearts.add();
        assert!(!hearts.is_one_stuck());
        let Some(start) = Instant::now().checked_sub(LIMIT) else {
            return;
        };
        let heart = hearts.keep(Heart::since(start));
        assert!(hearts.is_one_stuck());
        heart.beat();
        assert!(!hearts.is_one_stuck());
        drop((heart, hearts.keep(Heart::since(start))));
        assert!(!hearts.is_one_stuck());
    }
}
