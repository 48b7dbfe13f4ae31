//! Who may go to the backend now: so many at a time, first come, first served, and nobody while the breaker is open.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::key::Key;

/// Hashes that may be at the backend at once: the node has at most as many requests open.
pub const PERMITS: usize = 100;
/// Consecutive failures of distinct hashes that open the breaker.
const THRESHOLD: usize = 5;

/// Permits, the queue for them, and the breaker.
#[derive(Debug)]
pub struct Gate(Mutex<State>);

#[derive(Debug)]
struct State {
    free: usize,
    next: u64,
    queue: BTreeMap<u64, oneshot::Sender<Permit>>,
    // The hashes that failed since the last success; that many of them open the breaker.
    failed: Vec<Key>,
    is_open: bool,
}

/// What a change did to the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// It is open now: nobody goes through but probes.
    Opened,
    /// It is closed now: all that waited goes through.
    Closed,
}

impl Gate {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            free: PERMITS,
            next: 0,
            queue: BTreeMap::new(),
            failed: Vec::new(),
            is_open: false,
        })))
    }

    /// Takes a place at the end of the queue.
    pub fn enter(self: &Arc<Self>) -> Turn {
        let (sender, permit) = oneshot::channel();
        let mut state = self.lock();
        let ticket = state.next;
        state.next += 1;
        state.queue.insert(ticket, sender);
        if !state.is_open {
            state.dispatch(self);
        }
        drop(state);
        Turn {
            gate: self.clone(),
            ticket,
            permit,
        }
    }

    /// A verified signature came.
    pub fn succeed(self: &Arc<Self>) -> Change {
        let mut state = self.lock();
        state.failed.clear();
        if !std::mem::take(&mut state.is_open) {
            return Change::None;
        }
        state.dispatch(self);
        Change::Closed
    }

    /// The backend failed in a way that says something of its health.
    pub fn fail(&self, key: &Key) -> Change {
        let mut state = self.lock();
        if state.is_open || state.failed.contains(key) {
            return Change::None;
        }
        state.failed.push(key.clone());
        if state.failed.len() < THRESHOLD {
            return Change::None;
        }
        state.is_open = true;
        Change::Opened
    }

    /// Lets the one through that has waited for the longest time. False: nobody waits.
    pub fn probe(self: &Arc<Self>) -> bool {
        self.lock().grant(self)
    }

    /// Whether nobody goes through but probes.
    pub fn is_open(&self) -> bool {
        self.lock().is_open
    }

    /// How many have a permit, and how many wait for one.
    pub fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (PERMITS.saturating_sub(state.free), state.queue.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn dispatch(&mut self, gate: &Arc<Gate>) {
        while self.free > 0 && self.grant(gate) {}
    }

    fn grant(&mut self, gate: &Arc<Gate>) -> bool {
        if self.free == 0 {
            // Those at the backend are probes enough.
            return true;
        }
        while let Some((_, waiting)) = self.queue.pop_first() {
            self.free -= 1;
            let Err(mut permit) = waiting.send(Permit(Some(gate.clone()))) else {
                return true;
            };
            // Its drop would lock what is locked.
            permit.0 = None;
            self.free += 1;
        }
        false
    }
}

/// The right to be at the backend with one hash; given back when dropped.
#[derive(Debug)]
pub struct Permit(Option<Arc<Gate>>);

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(gate) = self.0.take() {
            let mut state = gate.lock();
            state.free += 1;
            if !state.is_open {
                state.dispatch(&gate);
            }
        }
    }
}

/// A place in the queue; given up when dropped.
#[derive(Debug)]
pub struct Turn {
    gate: Arc<Gate>,
    ticket: u64,
    permit: oneshot::Receiver<Permit>,
}

impl Turn {
    /// Waits for the permit. Can be given up and called again without losing the place.
    pub async fn come(&mut self) -> Option<Permit> {
        (&mut self.permit).await.ok()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.gate.lock().queue.remove(&self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Key {
        Key::from([number; 32])
    }

    fn has_permit(turn: &mut Turn) -> Option<Permit> {
        turn.permit.try_recv().ok()
    }

    #[test]
    fn permits_go_out_in_the_order_of_arrival_and_come_back() {
        let gate = Gate::new();
        let mut permits: Vec<Permit> = (0..PERMITS).filter_map(|_| has_permit(&mut gate.enter())).collect();
        assert_eq!(permits.len(), PERMITS);
        let (mut first, gone, mut second) = (gate.enter(), gate.enter(), gate.enter());
        assert!(has_permit(&mut first).is_none());
        assert_eq!(gate.counts(), (PERMITS, 3));
        drop(gone);
        permits.pop();
        let permit = has_permit(&mut first).unwrap();
        assert!(has_permit(&mut second).is_none());
        drop(permit);
        assert!(has_permit(&mut second).is_some());
        drop((permits, second));
        assert_eq!(gate.counts(), (0, 0));
    }

    #[test]
    fn a_permit_that_comes_too_late_is_not_lost() {
        let gate = Gate::new();
        drop(gate.enter());
        assert_eq!(gate.counts(), (0, 0));
    }

    #[test]
    fn five_failures_of_distinct_hashes_open_it_and_one_success_closes_it() {
        let gate = Gate::new();
        for _ in 0..10 {
            assert_eq!(gate.fail(&key(1)), Change::None, "one hash may be at fault itself");
        }
        for number in 2..5 {
            assert_eq!(gate.fail(&key(number)), Change::None);
        }
        assert_eq!(gate.succeed(), Change::None);
        for number in 1..5 {
            assert_eq!(gate.fail(&key(number)), Change::None);
        }
        assert_eq!(gate.fail(&key(5)), Change::Opened);
        let (mut first, mut second) = (gate.enter(), gate.enter());
        assert!(has_permit(&mut first).is_none());
        assert!(gate.probe());
        let probe = has_permit(&mut first).unwrap();
        drop(probe);
        assert!(has_permit(&mut second).is_none(), "one probe at a time");
        assert_eq!(gate.succeed(), Change::Closed);
        assert!(has_permit(&mut second).is_some());
        assert!(!gate.probe(), "nobody waits");
    }
}
