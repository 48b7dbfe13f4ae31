//! Which connections a port has, and which of them makes room for a further one.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use nix::libc::{EMFILE, ENFILE};
use tokio::sync::Notify;

/// Instead of a moment: the request is complete and its answer is being made.
const ANSWERING: u64 = u64::MAX;

/// The connections of one port.
#[derive(Debug)]
pub struct Connections {
    room: usize,
    /// Moments are numbers here: only their order counts.
    clock: AtomicU64,
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
}

/// What is known of one connection.
#[derive(Debug)]
pub struct Connection {
    waits_since: AtomicU64,
    expects: AtomicBool,
    begun: Notify,
    evicted: Notify,
}

/// A connection's place, free again when this is dropped.
#[derive(Debug)]
pub struct Entry {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
    id: u64,
}

impl Connections {
    /// Room for so many.
    pub const fn new(room: usize) -> Self {
        Self {
            room,
            clock: AtomicU64::new(0),
            open: Mutex::new(BTreeMap::new()),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Takes one more. When full, the one that has kept us waiting longest for a complete request makes room; if all have
    /// sent theirs, the newcomer is closed, and its client tries again.
    pub fn enter(self: &Arc<Self>) -> Option<Entry> {
        let id = self.now();
        let connection = Arc::new(Connection {
            waits_since: AtomicU64::new(id),
            expects: AtomicBool::new(false),
            begun: Notify::new(),
            evicted: Notify::new(),
        });
        let mut open = self.lock();
        if open.len() >= self.room && !evict(&mut open) {
            return None;
        }
        open.insert(id, connection.clone());
        Some(Entry {
            connections: self.clone(),
            connection,
            id,
        })
    }

    /// Gives up a connection where a failed accept says that no file descriptor is left.
    pub fn make_room_after(&self, error: &io::Error) {
        if matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) {
            evict(&mut self.lock());
        }
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there was one to give up.
fn evict(open: &mut BTreeMap<u64, Arc<Connection>>) -> bool {
    let longest = open
        .iter()
        .map(|(id, connection)| (connection.waits_since.load(Relaxed), *id))
        .min();
    let Some((since, id)) = longest else { return false };
    if since == ANSWERING {
        return false;
    }
    if let Some(connection) = open.remove(&id) {
        connection.evicted.notify_one();
    }
    true
}

impl Connection {
    /// The head of a request has come. What is returned belongs to it.
    pub fn begin(&self, expects: bool) -> u64 {
        if expects {
            self.expects.store(true, Relaxed);
        }
        self.begun.notify_one();
        self.waits_since.load(Relaxed)
    }

    /// All of that request has come; nothing happens if it is answered already.
    pub fn complete(&self, request: u64) {
        let _ = self.waits_since.compare_exchange(request, ANSWERING, Relaxed, Relaxed);
    }

    /// Whether a complete request is being answered.
    pub fn is_answering(&self) -> bool {
        self.waits_since.load(Relaxed) == ANSWERING
    }

    /// Whether an interim answer may be about to be written.
    pub fn expects(&self) -> bool {
        self.expects.load(Relaxed)
    }

    /// The interim answer was seen.
    pub fn expect_no_more(&self) {
        self.expects.store(false, Relaxed);
    }

    /// Returns once the head of a request has come.
    pub async fn begun(&self) {
        self.begun.notified().await;
    }

    /// Returns when the connection has to make room.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

impl Entry {
    /// What is known of it.
    pub const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// The request is answered; the next is waited for.
    pub fn wait(&self) {
        self.connection.waits_since.store(self.connections.now(), Relaxed);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 10;

    fn full() -> (Arc<Connections>, Vec<Entry>) {
        let connections = Arc::new(Connections::new(ROOM));
        let entries = (0..ROOM).filter_map(|_| connections.enter()).collect();
        assert_eq!(connections.count(), ROOM);
        (connections, entries)
    }

    fn left(connections: &Connections) -> Vec<u64> {
        connections
            .lock()
            .keys()
            .copied()
            .filter(|id| *id < ROOM as u64)
            .collect()
    }

    #[test]
    fn the_one_that_waits_longest_makes_room() {
        let (connections, entries) = full();
        for entry in &entries[..8] {
            entry.connection.complete(entry.connection.begin(false));
        }
        entries[7].wait();
        let newcomers = [connections.enter(), connections.enter()];
        assert!(newcomers.iter().all(Option::is_some));
        assert_eq!(
            left(&connections),
            [0, 1, 2, 3, 4, 5, 6, 7],
            "7 was answered after 8 and 9 came"
        );
        drop((newcomers, entries));
        assert_eq!(connections.count(), 0);
    }

    #[test]
    fn a_complete_request_is_never_given_up() {
        let (connections, entries) = full();
        for entry in &entries {
            entry.connection.complete(entry.connection.begin(false));
        }
        assert!(connections.enter().is_none());
        connections.make_room_after(&io::Error::from_raw_os_error(EMFILE));
        assert_eq!(connections.count(), ROOM);
    }

    #[test]
    fn a_body_that_ends_after_its_answer_completes_nothing() {
        let (connections, entries) = full();
        let request = entries[0].connection.begin(false);
        entries[0].wait();
        entries[0].connection.complete(request);
        for entry in &entries[1..] {
            entry.connection.complete(entry.connection.begin(false));
        }
        assert!(connections.enter().is_some());
        assert_eq!(left(&connections), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn only_without_file_descriptors_does_a_failed_accept_cost_a_connection() {
        let (connections, entries) = full();
        connections.make_room_after(&io::ErrorKind::ConnectionAborted.into());
        assert_eq!(connections.count(), ROOM);
        for code in [EMFILE, ENFILE] {
            connections.make_room_after(&io::Error::from_raw_os_error(code));
        }
        assert_eq!(left(&connections), [2, 3, 4, 5, 6, 7, 8, 9]);
        drop(entries);
    }
}
