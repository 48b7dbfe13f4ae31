use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use crate::backend::{BackendError, Signature};

/// A hash that was not requested within this time is not sent again.
const MEMORY: Duration = Duration::from_secs(5);
/// The result of a call.
pub type Answer = Result<Signature, BackendError>;

/// A requested hash, from its callers' view.
#[derive(Debug)]
pub struct Call {
    asked: Mutex<Instant>,
    attempts: AtomicU32,
    took_micros: AtomicU64,
    answer: watch::Sender<Option<Answer>>,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            asked: Mutex::new(Instant::now()),
            attempts: AtomicU32::new(0),
            took_micros: AtomicU64::new(0),
            answer: watch::Sender::new(None),
        }
    }
}

impl Call {
    /// Records a request for it.
    pub fn ask(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Records that it was sent to the backend.
    pub fn count_attempt(&self) {
        self.attempts.fetch_add(1, Relaxed);
    }

    /// Records the duration of the successful attempt.
    pub fn note_signed(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.took_micros.store(micros, Relaxed);
    }

    /// The duration of the successful attempt. Zero before.
    pub fn took(&self) -> Duration {
        Duration::from_micros(self.took_micros.load(Relaxed))
    }

    /// How often it was sent to the backend.
    pub fn attempts(&self) -> u32 {
        self.attempts.load(Relaxed)
    }

    /// Whether it was requested recently.
    pub fn is_asked_for(&self) -> bool {
        Instant::now() < self.forgotten_at()
    }

    /// When it is abandoned, unless it is requested again.
    pub fn forgotten_at(&self) -> Instant {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) + MEMORY
    }

    /// Waits for the result.
    pub async fn answer(&self) -> Answer {
        let mut answer = self.answer.subscribe();
        let ended = answer.wait_for(Option::is_some).await;
        ended
            .map_or(None, |answer| answer.clone())
            .unwrap_or(Err(BackendError::Broken))
    }

    /// Publishes the result to all waiting callers.
    pub fn end(&self, answer: Answer) {
        self.answer.send_replace(Some(answer));
    }
}
