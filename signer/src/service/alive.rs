//! The attempts that are under way for one answer, and which of them makes room for a further one.

use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};

/// How many there may be.
pub const MAX_ALIVE: usize = 3;
/// When an attempt is likely to hang, so that another one is sent.
pub const SIBLING_AFTER: Duration = Duration::from_secs(2);

/// Attempts, the oldest first.
pub struct Alive<T> {
    tasks: JoinSet<T>,
    handles: Vec<AbortHandle>,
}

/// What became of one of them.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// It came to an end of its own.
    Answered(T),
    /// It made room, and its place is free now.
    GivenUp,
    /// It panicked, which the panic's hook has told.
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

    /// Sends one more.
    pub fn send(&mut self, attempt: impl Future<Output = T> + Send + 'static) {
        self.handles.push(self.tasks.spawn(attempt));
    }

    /// Whether nothing is waited for.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// Whether a further one would be one too many.
    pub fn is_full(&self) -> bool {
        self.handles.len() >= MAX_ALIVE
    }

    /// Gives up the oldest but one: [`Alive::next`] tells when its place is free. The oldest stays until its own time is up. A
    /// service that takes eight seconds for each call would never sign if all were given up before, and how long it is silent is
    /// seen by an attempt that waits.
    pub fn give_up_one(&mut self) {
        if self.handles.len() > 1 {
            self.handles.remove(1).abort();
        }
    }

    /// The next that ends; `None`: there is none.
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
