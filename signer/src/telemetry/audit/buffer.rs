use std::sync::{
    Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::AcqRel},
};

use prometheus::IntCounter;
use tokio::sync::Notify;

use super::{ledger::Sums, line::Line, votes::Votes};

/// Maximum number of waiting lines.
pub const CAPACITY: usize = 8192;
/// Bytes after which a batch is written at once.
pub const BATCH: usize = 64 * 1024;

/// Shared between request handlers and the writer thread.
#[derive(Debug)]
pub struct Shared {
    pub state: Mutex<State>,
    pub votes: Votes,
    /// Requests without the token in this minute, including the one that was logged at once.
    pub unauthorized: AtomicU64,
    pub changed: Condvar,
    pub ended: Notify,
    pub dropped: IntCounter,
}

/// Lines and sums that wait for the writer.
#[derive(Debug, Default)]
pub struct State {
    pub lines: Vec<u8>,
    pub count: usize,
    pub missing: u64,
    pub is_closed: bool,
    pub is_done: bool,
}

impl Shared {
    /// Empty. Lost lines are counted in `dropped`.
    pub fn new(dropped: IntCounter) -> Self {
        Self {
            state: Mutex::default(),
            votes: Votes::default(),
            unauthorized: AtomicU64::new(0),
            changed: Condvar::new(),
            ended: Notify::new(),
            dropped,
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line if there is room.
    pub fn push(&self, line: &Line) {
        let mut state = self.lock();
        if state.count >= CAPACITY {
            state.missing += 1;
            self.dropped.inc();
            return;
        }
        let before = state.lines.len();
        state.lines.extend_from_slice(line.as_ref());
        state.count += 1;
        // The writer collects lines itself: it is woken for the first line and for a full batch, not for each line.
        if before == 0 || (before < BATCH && state.lines.len() >= BATCH) {
            self.changed.notify_all();
        }
    }

    /// The sums since the last call.
    pub fn sums(&self) -> Sums {
        Sums {
            votes: self.votes.take(),
            // The first one has a line of its own.
            unauthorized: self.unauthorized.swap(0, AcqRel).saturating_sub(1),
        }
    }
}
