//! The state of one connection: since when the signer waits for it, and whether it must be closed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use tokio::sync::Notify;

/// For a moment: the head of a request has come, its body has not.
const READING: u64 = 1 << 63;
/// Instead of a moment: the request is complete and its answer is being made.
const ANSWERING: u64 = u64::MAX;
/// Instead of a moment: it has to make room. Nothing comes after this.
const EVICTED: u64 = u64::MAX - 1;

/// A connection. Each moment is a different number.
#[derive(Debug)]
pub struct Connection {
    state: AtomicU64,
    expects: AtomicBool,
    begun: Notify,
    told: Notify,
}

impl Connection {
    /// One that has kept us waiting since this moment.
    pub const fn new(moment: u64) -> Self {
        Self {
            state: AtomicU64::new(moment),
            expects: AtomicBool::new(false),
            begun: Notify::const_new(),
            told: Notify::const_new(),
        }
    }

    /// Since when it has kept us waiting for a complete request; None while one is answered, and once it has to go.
    pub fn waits_since(&self) -> Option<u64> {
        match self.state.load(Relaxed) {
            ANSWERING | EVICTED => None,
            state => Some(state & !READING),
        }
    }

    /// Whether it has waited for the head of a request since this moment or an earlier one.
    pub fn waits_for_a_head_since(&self, moment: u64) -> bool {
        // A body that is read has a time limit of its own, and its moment is the largest of all here.
        self.state.load(Relaxed) <= moment
    }

    /// Makes it go if it has waited since just this moment; a request that was complete before is answered.
    pub fn evict(&self, moment: u64) -> bool {
        let is_evicted = self.change(|state| (state & !READING == moment).then_some(EVICTED));
        if is_evicted {
            self.told.notify_one();
        }
        is_evicted
    }

    /// Whether it has to go.
    pub fn is_evicted(&self) -> bool {
        self.state.load(Relaxed) == EVICTED
    }

    /// The head of a request has come. What is returned belongs to it; None if the connection has to go.
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

    /// All of that request has come. Whether it is to be answered; one that is answered already stays so.
    pub fn complete(&self, request: u64) -> bool {
        self.change(|state| (state == request | READING).then_some(ANSWERING)) || !self.is_evicted()
    }

    /// The request is answered; from this moment on the next is waited for.
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

    /// The interim answer was seen.
    pub fn expect_no_more(&self) {
        self.expects.store(false, Relaxed);
    }

    /// The port takes no further connections.
    pub fn stop(&self) {
        self.told.notify_one();
    }

    /// Returns once the head of a request has come.
    pub async fn begun(&self) {
        self.begun.notified().await;
    }

    /// Returns when the connection has to go, or the port takes no further ones.
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
