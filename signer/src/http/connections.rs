//! The connections of a port, and which of them is closed to make room for a new one.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use nix::libc::{EMFILE, ENFILE};
use tokio::time::Instant;

use super::connection::Connection;

/// Time limit for a head, and for the idle time of a kept connection.
const HEAD_TIME_LIMIT: Duration = Duration::from_secs(10);
/// Moments within one second differ in the bits below this one.
const SECOND: u32 = 32;

/// The connections of one port.
#[derive(Debug)]
pub struct Connections {
    room: usize,
    start: Instant,
    /// The next moment: the second of the last sweep, and a counter within it.
    clock: AtomicU64,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    slots: Vec<Option<Arc<Connection>>>,
    free: Vec<usize>,
    stops: bool,
}

/// The slot of a connection, released when dropped.
#[derive(Debug)]
pub struct Entry {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
    slot: usize,
}

impl Connections {
    /// Room for this many connections.
    pub fn new(room: usize) -> Self {
        Self {
            room,
            start: Instant::now(),
            clock: AtomicU64::new(0),
            table: Mutex::default(),
        }
    }

    /// The number of connections.
    pub fn count(&self) -> usize {
        self.lock().count()
    }

    /// Adds a connection. If the table is full, the connection that has waited longest for a complete request is closed. If all
    /// requests are complete, the new connection is closed, and its client retries.
    pub fn enter(self: &Arc<Self>) -> Option<Entry> {
        let connection = Arc::new(Connection::new(self.now()));
        let mut table = self.lock();
        if table.count() >= self.room && (table.stops || !table.evict()) {
            return None;
        }
        if table.stops {
            connection.stop();
        }
        let slot = table.insert(connection.clone());
        Some(Entry {
            connections: self.clone(),
            connection,
            slot,
        })
    }

    /// Closes a connection if a failed accept means that no file descriptor is left.
    pub fn make_room_after(&self, error: &io::Error) {
        if matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) {
            self.lock().evict();
        }
    }

    /// Closes connections that have waited too long for a head. Must be called every second: a timer for each connection would
    /// need more memory than its whole other state.
    pub fn sweep(&self) {
        let second = self.start.elapsed().as_secs();
        self.clock.fetch_max(second << SECOND, Relaxed);
        // Connections from that second itself may be younger than the limit.
        let Some(oldest) = second.checked_sub(HEAD_TIME_LIMIT.as_secs()) else {
            return;
        };
        let Some(moment) = (oldest << SECOND).checked_sub(1) else {
            return;
        };
        self.lock().evict_before(moment);
    }

    /// Tells all present and later connections that no more requests are served.
    pub fn stop(&self) {
        let mut table = self.lock();
        table.stops = true;
        for connection in table.slots.iter().flatten() {
            connection.stop();
        }
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    const fn count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn insert(&mut self, connection: Arc<Connection>) -> usize {
        if let Some(slot) = self.free.pop() {
            self.slots[slot] = Some(connection);
            return slot;
        }
        self.slots.push(Some(connection));
        self.slots.len() - 1
    }

    fn remove(&mut self, slot: usize) {
        self.slots[slot] = None;
        self.free.push(slot);
    }

    /// Returns whether a connection could be closed.
    fn evict(&mut self) -> bool {
        loop {
            let waiting = self.slots.iter().enumerate();
            let waiting = waiting.filter_map(|(slot, connection)| Some((connection.as_ref()?.waits_since()?, slot)));
            let Some((moment, slot)) = waiting.min() else {
                return false;
            };
            if self.slots[slot]
                .as_ref()
                .is_some_and(|connection| connection.evict(moment))
            {
                self.remove(slot);
                return true;
            }
        }
    }

    fn evict_before(&mut self, moment: u64) {
        for slot in 0..self.slots.len() {
            let Some(connection) = &self.slots[slot] else { continue };
            let Some(since) = connection.waits_since() else {
                continue;
            };
            if connection.waits_for_a_head_since(moment) && connection.evict(since) {
                self.remove(slot);
            }
        }
    }
}

impl Entry {
    /// Its state.
    pub const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// The request is answered. The connection waits for the next one.
    pub fn wait(&self) {
        self.connection.wait(self.connections.now());
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut table = self.connections.lock();
        // The slot of a closed connection may belong to another one by now.
        let is_ours = table.slots[self.slot]
            .as_ref()
            .is_some_and(|connection| Arc::ptr_eq(connection, &self.connection));
        if is_ours {
            table.remove(self.slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const ROOM: usize = 10;

    fn full() -> (Arc<Connections>, Vec<Entry>) {
        let connections = Arc::new(Connections::new(ROOM));
        let entries = (0..ROOM).filter_map(|_| connections.enter()).collect();
        assert_eq!(connections.count(), ROOM);
        (connections, entries)
    }

    fn complete(entry: &Entry) {
        let request = entry.connection.begin(false).unwrap();
        assert!(entry.connection.complete(request));
    }

    fn left(entries: &[Entry]) -> Vec<usize> {
        let left = entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| !entry.connection.is_evicted());
        left.map(|(number, _)| number).collect()
    }

    #[test]
    fn the_one_that_waits_longest_makes_room() {
        let (connections, entries) = full();
        entries[..8].iter().for_each(complete);
        entries[7].wait();
        let newcomers = [connections.enter(), connections.enter()];
        assert!(newcomers.iter().all(Option::is_some));
        assert_eq!(
            left(&entries),
            [0, 1, 2, 3, 4, 5, 6, 7],
            "7 was answered after 8 and 9 came"
        );
        assert_eq!(connections.count(), ROOM);
        drop(entries);
        assert_eq!(connections.count(), 2, "who made room gives no place back twice");
        drop(newcomers);
        assert_eq!(connections.count(), 0);
    }

    #[test]
    fn a_complete_request_is_never_given_up() {
        let (connections, entries) = full();
        entries.iter().for_each(complete);
        assert!(connections.enter().is_none());
        connections.make_room_after(&io::Error::from_raw_os_error(EMFILE));
        assert_eq!(connections.count(), ROOM);
    }

    #[test]
    fn only_without_file_descriptors_does_a_failed_accept_cost_a_connection() {
        let (connections, entries) = full();
        connections.make_room_after(&io::ErrorKind::ConnectionAborted.into());
        assert_eq!(connections.count(), ROOM);
        for code in [EMFILE, ENFILE] {
            connections.make_room_after(&io::Error::from_raw_os_error(code));
        }
        assert_eq!(left(&entries), [2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[tokio::test(start_paused = true)]
    async fn ten_seconds_without_a_head_are_the_end_however_long_a_body_or_an_answer_takes() {
        let (connections, entries) = full();
        let reading = entries[0].connection.begin(false);
        complete(&entries[1]);
        let mut ends = Vec::new();
        for second in 1..=30 {
            advance(Duration::from_secs(1)).await;
            connections.sweep();
            if second == 5 {
                complete(&entries[2]);
                entries[2].wait();
            }
            ends.push(left(&entries).len());
        }
        assert!(reading.is_some());
        assert_eq!(left(&entries), [0, 1]);
        let at = |left: usize| ends.iter().position(|found| *found == left).map(|index| index + 1);
        assert_eq!((at(3), at(2)), (Some(11), Some(16)), "{ends:?}");
    }
}
