use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use prometheus::IntCounter;
use tokio::sync::Notify;

use super::{line::Line, votes::Votes};

/// Lines that wait at most.
pub const CAPACITY: usize = 8192;
/// Bytes after which a batch is written at once.
pub const BATCH: usize = 64 * 1024;
/// Between those who note and the thread that writes.
#[derive(Debug)]
pub struct Shared {
    pub state: Mutex<State>,
    pub changed: Condvar,
    pub ended: Notify,
    pub dropped: IntCounter,
}

/// What waits to be written.
#[derive(Debug, Default)]
pub struct State {
    pub lines: Vec<u8>,
    pub count: usize,
    pub missing: u64,
    pub votes: Votes,
    pub is_closed: bool,
    pub is_done: bool,
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn drop_lines(&self, state: &mut State, lines: usize) {
        let lines = lines as u64;
        state.missing += lines;
        self.dropped.inc_by(lines);
    }
}

impl State {
    pub fn push(&mut self, shared: &Shared, line: &Line) {
        if self.count >= CAPACITY {
            shared.drop_lines(self, 1);
            return;
        }
        let before = self.lines.len();
        self.lines.extend_from_slice(line.as_ref());
        self.count += 1;
        // The writer gathers by itself: it is woken for the first line and for a full batch, not for each line.
        if before == 0 || (before < BATCH && self.lines.len() >= BATCH) {
            shared.changed.notify_all();
        }
    }
}
