//! Admission to the backend: a limited number at a time, in order of arrival, and only probes while the breaker is open.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::key::Key;

/// Maximum number of hashes at the backend: the maximum number of open requests of the node.
pub const PERMITS: usize = 100;
/// Consecutive failures of distinct hashes that open the breaker.
const THRESHOLD: usize = 5;

/// Permits, their queue, and the breaker.
#[derive(Debug)]
pub struct Gate(Mutex<State>);

#[derive(Debug)]
struct State {
    free: usize,
    next: u64,
    queue: BTreeMap<u64, oneshot::Sender<Permit>>,
    // The ticket of the last probe. Tickets begin at 1.
    probed: u64,
    // The hashes that have failed since the last success. A certain number of them opens the breaker.
    failed: Vec<Key>,
    is_open: bool,
}

/// The effect of a result on the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// It is open now: only probes are admitted.
    Opened,
    /// It is closed now: all waiting hashes are admitted.
    Closed,
}

impl Gate {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            free: PERMITS,
            next: 1,
            queue: BTreeMap::new(),
            probed: 0,
            failed: Vec::new(),
            is_open: false,
        })))
    }

    /// Takes a place at the end of the queue.
    pub fn enter(self: &Arc<Self>) -> Turn {
        let mut state = self.lock();
        let ticket = state.next;
        state.next += 1;
        self.wait(state, ticket)
    }

    /// Takes the place of an earlier turn, before all later ones.
    pub fn enter_again(self: &Arc<Self>, ticket: u64) -> Turn {
        self.wait(self.lock(), ticket)
    }

    fn wait(self: &Arc<Self>, mut state: MutexGuard<'_, State>, ticket: u64) -> Turn {
        let (sender, permit) = oneshot::channel();
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

    /// Records a verified signature.
    pub fn succeed(self: &Arc<Self>) -> Change {
        let mut state = self.lock();
        state.failed.clear();
        if !std::mem::take(&mut state.is_open) {
            return Change::None;
        }
        state.dispatch(self);
        Change::Closed
    }

    /// Records a failure that indicates a broken backend.
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
        state.probed = 0;
        Change::Opened
    }

    /// Admits one probe: the oldest first, then the others in turn, so that a hash with a failure of its own is not every probe.
    /// False if nothing waits.
    pub fn probe(self: &Arc<Self>) -> bool {
        self.lock().probe(self)
    }

    /// Whether only probes are admitted.
    pub fn is_open(&self) -> bool {
        self.lock().is_open
    }

    /// The numbers of hashes with a permit, and waiting for one.
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
        while self.free > 0
            && let Some((_, waiting)) = self.queue.pop_first()
        {
            self.hand(gate, waiting);
        }
    }

    fn probe(&mut self, gate: &Arc<Gate>) -> bool {
        if self.free == 0 {
            // The hashes at the backend are sufficient as probes.
            return true;
        }
        while let Some((ticket, waiting)) = self.next_to_probe() {
            self.probed = ticket;
            if self.hand(gate, waiting) {
                return true;
            }
        }
        false
    }

    fn next_to_probe(&mut self) -> Option<(u64, oneshot::Sender<Permit>)> {
        let next = self.queue.range((Excluded(self.probed), Unbounded)).next();
        let ticket = next
            .or_else(|| self.queue.first_key_value())
            .map(|(ticket, _)| *ticket)?;
        self.queue.remove_entry(&ticket)
    }

    /// Returns whether the receiver still exists.
    fn hand(&mut self, gate: &Arc<Gate>, waiting: oneshot::Sender<Permit>) -> bool {
        let Err(mut permit) = waiting.send(Permit(Some(gate.clone()))) else {
            self.free -= 1;
            return true;
        };
        // Dropping it would take the lock again.
        permit.0 = None;
        false
    }
}

/// The right to be at the backend with one hash. Released when dropped.
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

/// A place in the queue. Released when dropped.
#[derive(Debug)]
pub struct Turn {
    gate: Arc<Gate>,
    ticket: u64,
    permit: oneshot::Receiver<Permit>,
}

impl Turn {
    /// Its place in the queue, for [`Gate::enter_again`].
    pub const fn ticket(&self) -> u64 {
        self.ticket
    }

    /// Waits for the permit. Can be cancelled and called again without losing the place.
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
    fn who_comes_again_keeps_the_place() {
        let gate = Gate::new();
        let mut permits: Vec<Permit> = (0..PERMITS).filter_map(|_| has_permit(&mut gate.enter())).collect();
        let mut failed = gate.enter();
        let ticket = failed.ticket();
        let mut others = [gate.enter(), gate.enter()];
        permits.pop();
        let permit = has_permit(&mut failed).unwrap();
        drop(failed);
        let mut again = gate.enter_again(ticket);
        drop(permit);
        assert!(has_permit(&mut again).is_some(), "before those that came after it");
        assert!(others.iter_mut().all(|other| has_permit(other).is_some()));
    }

    #[test]
    fn probes_go_round() {
        let gate = Gate::new();
        for number in 0..5 {
            gate.fail(&key(number));
        }
        let mut poison = gate.enter();
        let (ticket, mut others) = (poison.ticket(), [gate.enter(), gate.enter()]);
        assert!(gate.probe());
        assert!(has_permit(&mut poison).is_some(), "the oldest first");
        drop(poison);
        let mut poison = gate.enter_again(ticket);
        for other in &mut others {
            assert!(gate.probe());
            assert!(has_permit(&mut poison).is_none());
            assert!(has_permit(other).is_some());
        }
        assert!(gate.probe());
        assert!(has_permit(&mut poison).is_some(), "then from the front again");
        assert!(!gate.probe());
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
