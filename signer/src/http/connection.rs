//! The state of a connection: since when the signer waits for a request, and whether it must be closed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use tokio::sync::Notify;

/// Set for a moment: the head of a request has arrived, its body has not.
const READING: u64 = 1 << 63;
/// Instead of a moment: the request is complete and is being answered.
const ANSWERING: u64 = u64::MAX;
/// Instead of a moment: the connection must be closed to make room. This state is final.
const EVICTED: u64 = u64::MAX - 1;

/// A connection. Moments are unique numbers.
#[derive(Debug)]
pub struct Connection {
    state: AtomicU64,
    expects: AtomicBool,
    begun: Notify,
    told: Notify,
}

impl Connection {
    /// A connection that has been waiting since this moment.
    pub const fn new(moment: u64) -> Self {
        Self {
            state: AtomicU64::new(moment),
            expects: AtomicBool::new(false),
            begun: Notify::const_new(),
            told: Notify::const_new(),
        }
    }

    /// Since when it has been waiting for a complete request. None while a request is answered, and after eviction.
    pub fn waits_since(&self) -> Option<u64> {
        match self.state.load(Relaxed) {
            ANSWERING | EVICTED => None,
            state => Some(state & !READING),
        }
    }

    /// Whether it has been waiting for the head of a request since this moment or an earlier one.
    pub fn waits_for_a_head_since(&self, moment: u64) -> bool {
        // A body has its own time limit, and its moment compares as larger than all others.
        self.state.load(Relaxed) <= moment
    }

    /// Evicts it if it has been waiting since exactly this moment. A request that was already complete is answered.
    pub fn evict(&self, moment: u64) -> bool {
        let is_evicted = self.change(|state| (state & !READING == moment).then_some(EVICTED));
        if is_evicted {
            self.told.notify_one();
        }
        is_evicted
    }

    /// Whether it must be closed.
    pub fn is_evicted(&self) -> bool {
        self.state.load(Relaxed) == EVICTED
    }

    /// The head of a request has arrived. Returns the request's identifier, or None if the connection must be closed.
    pub fn begin(&self, expects: bool) -> Option<u64> {
        if expects {
            self.expects.store(true, Relaxed);
        }
        self.begun.notify_one();
        let reads = |state| match state {
            EVICTED => None,
            ANSWERING => Some(ANSWERING),
            moment => Some(moment | READING),
        };
        let before = self.state.fetch_update(Relaxed, Relaxed, reads);
        before.ok().map(|moment| moment & !READING)
    }

    /// The whole request has arrived. Returns whether it must be answered; this stays true for a request that is already being
    /// answered.
    pub fn complete(&self, request: u64) -> bool {
        self.change(|state| (state == request | READING).then_some(ANSWERING)) || !self.is_evicted()
    }

    /// The request is answered. From this moment on, the connection waits for the next one.
    pub fn wait(&self, moment: u64) {
        self.change(|state| (state != EVICTED).then_some(moment));
    }

    /// Whether a complete request is being answered.
    pub fn is_answering(&self) -> bool {
        self.state.load(Relaxed) == ANSWERING
    }

    /// Whether an interim answer may be about to be written.
    pub fn expects(&self) -> bool {
        self.expects.load(Relaxed)
    }

    /// The interim answer was intercepted.
    pub fn expect_no_more(&self) {
        self.expects.store(false, Relaxed);
    }

    /// The port accepts no further connections.
    pub fn stop(&self) {
        self.told.notify_one();
    }

    /// Returns once the head of a request has arrived.
    pub async fn begun(&self) {
        self.begun.notified().await;
    }

    /// Returns when the connection must be closed, or the port accepts no further ones.
    pub async fn told(&self) {
        self.told.notified().await;
    }

    fn change(&self, next: impl Fn(u64) -> Option<u64>) -> bool {
        self.state.fetch_update(Relaxed, Relaxed, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_first_wins_the_eviction_or_the_complete_request() {
        let connection = Connection::new(7);
        let request = connection.begin(false).unwrap();
        let chosen = connection.waits_since().unwrap();
        assert!(connection.complete(request));
        assert!(!connection.evict(chosen), "complete before the eviction");
        connection.wait(8);
        assert!(!connection.evict(chosen), "it waits since later");

        let request = connection.begin(false).unwrap();
        assert!(connection.evict(8));
        assert!(!connection.complete(request), "evicted before it was complete");
        connection.wait(9);
        assert!(connection.is_evicted() && connection.begin(false).is_none());
    }

    #[test]
    fn a_body_that_ends_after_its_answer_completes_nothing() {
        let connection = Connection::new(1);
        let request = connection.begin(false).unwrap();
        connection.wait(2);
        assert!(connection.complete(request));
        assert_eq!(connection.waits_since(), Some(2));
    }

    #[test]
    fn only_heads_are_waited_for_by_the_sweep() {
        let connection = Connection::new(1);
        assert!(connection.waits_for_a_head_since(1) && !connection.waits_for_a_head_since(0));
        let request = connection.begin(false).unwrap();
        assert!(!connection.waits_for_a_head_since(1), "its body is read");
        connection.complete(request);
        assert!(!connection.waits_for_a_head_since(1), "it is answered");
    }
}
