//! The running attempts for one answer, and which of them is cancelled to make room for another.

use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};

/// Maximum number of running attempts.
pub const MAX_ALIVE: usize = 3;
/// After this time an attempt probably hangs, and another one is sent.
pub const SIBLING_AFTER: Duration = Duration::from_secs(2);

/// Attempts, the oldest first.
pub struct Alive<T> {
    tasks: JoinSet<T>,
    handles: Vec<AbortHandle>,
}

/// How an attempt ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// It returned.
    Answered(T),
    /// It was cancelled, and its place is free.
    GivenUp,
    /// It panicked, which the panic hook has logged.
    Panicked,
}

impl<T: Send + 'static> Alive<T> {
    /// None yet.
    pub fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            handles: Vec::with_capacity(MAX_ALIVE),
        }
    }

    /// Sends another attempt.
    pub fn send(&mut self, attempt: impl Future<Output = T> + Send + 'static) {
        self.handles.push(self.tasks.spawn(attempt));
    }

    /// Whether no attempt is running.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// Whether no further attempt may be sent.
    pub fn is_full(&self) -> bool {
        self.handles.len() >= MAX_ALIVE
    }

    /// Cancels the second-oldest attempt: [`Alive::next`] reports when its place is free. The oldest runs until its own time
    /// limit. Otherwise a service that needs eight seconds for each call would never sign, and a long silence could not be
    /// measured.
    pub fn give_up_one(&mut self) {
        if self.handles.len() > 1 {
            self.handles.remove(1).abort();
        }
    }

    /// The next attempt that ends. `None` if none is running.
    pub async fn next(&mut self) -> Option<Ended<T>> {
        let ended = self.tasks.join_next_with_id().await?;
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        self.handles.retain(|handle| handle.id() != id);
        Some(match ended {
            Ok((_, answer)) => Ended::Answered(answer),
            Err(error) if error.is_cancelled() => Ended::GivenUp,
            Err(_) => Ended::Panicked,
        })
    }
}
