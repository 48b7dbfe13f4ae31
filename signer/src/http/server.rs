//! Listeners and connections.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::body::Body;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
};

/// How long a head may take, and how long a kept connection may be idle.
const HEAD_TIME_LIMIT: Duration = Duration::from_secs(10);
const HEAD_MAX_LENGTH: usize = 16 * 1024;
const MAX_CONNECTIONS: usize = 1024;
/// After a failed accept: most often no file descriptor is left, and trying at once would burn the CPU.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// The connections of one port.
#[derive(Debug, Default)]
pub struct Connections {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    all: BTreeMap<u64, Arc<Connection>>,
}

#[derive(Debug, Default)]
struct Connection {
    is_answering: AtomicBool,
    evicted: Notify,
}

impl Connections {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().all.len()
    }

    /// Takes one more. When full, the oldest one without a request under way makes room; if there is none, the newcomer is
    /// closed, and its client tries again.
    fn enter(self: &Arc<Self>) -> Option<Entry> {
        let mut open = self.lock();
        if open.all.len() >= MAX_CONNECTIONS {
            let (id, idle) = open
                .all
                .iter()
                .find(|(_, connection)| !connection.is_answering.load(Relaxed))?;
            let id = *id;
            idle.evicted.notify_one();
            open.all.remove(&id);
        }
        let (id, connection) = (open.next, Arc::<Connection>::default());
        open.next += 1;
        open.all.insert(id, connection.clone());
        Some(Entry {
            connections: self.clone(),
            connection,
            id,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Entry {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.lock().all.remove(&self.id);
    }
}

/// Takes connections until told to stop; those under way go on.
pub async fn accept<S>(
    listener: TcpListener,
    service: S,
    connections: Arc<Connections>,
    mut stop: watch::Receiver<bool>,
) where
    S: tower::Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Some(entry) = connections.enter() {
                    tokio::spawn(serve(stream, service.clone(), entry, stop.clone()));
                }
            }
            Err(error) => {
                tracing::debug!("a connection was not accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve<S>(stream: TcpStream, service: S, entry: Entry, mut stop: watch::Receiver<bool>)
where
    S: tower::Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let state = &entry.connection;
    let answer = service_fn(|request| {
        state.is_answering.store(true, Relaxed);
        let answer = service.clone().call(request);
        async {
            let response = answer.await;
            state.is_answering.store(false, Relaxed);
            response
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_LIMIT)
        .max_buf_size(HEAD_MAX_LENGTH)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = std::pin::pin!(connection);
    // What a connection ends with is the client's doing, and nothing to tell.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = state.evicted.notified() => return,
        _ = stop.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_idle_connection_makes_room() {
        let connections = Arc::<Connections>::default();
        let entries: Vec<Entry> = (0..MAX_CONNECTIONS).filter_map(|_| connections.enter()).collect();
        assert_eq!(connections.count(), MAX_CONNECTIONS);
        for entry in &entries {
            entry.connection.is_answering.store(true, Relaxed);
        }
        assert!(connections.enter().is_none(), "a request under way is never given up");

        entries[7].connection.is_answering.store(false, Relaxed);
        entries[9].connection.is_answering.store(false, Relaxed);
        let newcomer = connections.enter();
        assert!(newcomer.is_some());
        let left = || {
            connections
                .lock()
                .all
                .keys()
                .copied()
                .filter(|id| *id < 10)
                .collect::<Vec<_>>()
        };
        assert_eq!(left(), [0, 1, 2, 3, 4, 5, 6, 8, 9]);
        drop(newcomer);
        drop(entries);
        assert_eq!(connections.count(), 0);
    }
}
