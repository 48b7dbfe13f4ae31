//! An HTTP server on loopback that can be unavailable, silent or faulty, as the base of the fake services.

mod connection;
mod script;
mod switch;
mod tls;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::Full;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::process::Port;

pub use script::{For, Script};
pub use switch::switch;
pub use tls::TlsFront;

/// How long to wait for a port that is temporarily in use.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pause between attempts to open the port again.
const PAUSE: Duration = Duration::from_millis(50);

/// How the server handles connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// Normally.
    Serving,
    /// Connections are refused, and open ones are closed.
    Refusing,
    /// Connections are accepted and closed immediately, and open ones are closed.
    Dropping,
    /// Connections are accepted but never answered, including open ones.
    Silent,
}

/// The result of one request.
#[derive(Debug)]
pub enum Reply {
    /// An answer.
    Answer(Response<Full<Bytes>>),
    /// The connection is closed without an answer.
    Drop,
    /// The connection stays open without an answer.
    Never,
}

/// Answers requests with complete bodies.
pub type Handler = Arc<dyn Fn(Request<Bytes>) -> BoxFuture<'static, Reply> + Send + Sync>;

/// Maximum number of ports to try.
const ATTEMPTS: u32 = 10;

/// The server's counters.
#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    silenced: AtomicU64,
}

/// A server on a free loopback port. It ends when this value is dropped.
pub struct FakeServer {
    port: Port,
    front: watch::Sender<Front>,
    listening: watch::Receiver<Front>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

impl FakeServer {
    /// Starts in the running tokio runtime.
    ///
    /// # Errors
    /// If there is no free port.
    pub fn start(front: Front, handler: Handler) -> Result<Self> {
        let (port, address, listener) = place(front != Front::Refusing)?;
        let (sender, receiver) = watch::channel(front);
        let (done, listening) = watch::channel(front);
        let counts = Arc::<Counts>::default();
        let acceptor = Acceptor {
            address,
            listener,
            front: receiver,
            done,
            counts: Arc::clone(&counts),
            handler,
        };
        Ok(Self {
            port,
            front: sender,
            listening,
            counts,
            task: tokio::spawn(acceptor.run()),
        })
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port.number())
    }

    /// Changes how connections are handled. Returns once the change is in effect.
    ///
    /// # Errors
    /// If its port cannot be opened again within 10 seconds.
    pub async fn set_front(&self, front: Front) -> Result<()> {
        self.front.send_replace(front);
        let mut listening = self.listening.clone();
        let met = timeout(PATIENCE, listening.wait_for(|now| *now == front)).await;
        let met = met.with_context(|| format!("a fake server does not listen on {} again", self.host()))?;
        met.map(|_| ()).context("a fake server has ended")
    }

    /// Connections accepted up to now.
    pub fn accepted(&self) -> u64 {
        self.counts.accepted.load(Ordering::SeqCst)
    }

    /// Requests that arrived while the server was silent, and are never answered.
    pub fn silenced(&self) -> u64 {
        self.counts.silenced.load(Ordering::SeqCst)
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A reserved port, with a listener if required. A free port may be in use for a moment by a process that another thread is
/// starting: it has a copy of all open sockets until it executes another program.
fn place(listens: bool) -> Result<(Port, SocketAddr, Option<TcpListener>)> {
    let mut attempts = 0;
    loop {
        let port = Port::reserve()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
        attempts += 1;
        match listens.then(|| listen(address)).transpose() {
            Ok(listener) => return Ok((port, address, listener)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts < ATTEMPTS => {}
            Err(error) => return Err(error).with_context(|| format!("cannot listen on {address}")),
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Earlier connections may still be in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

struct Acceptor {
    address: SocketAddr,
    listener: Option<TcpListener>,
    front: watch::Receiver<Front>,
    done: watch::Sender<Front>,
    counts: Arc<Counts>,
    handler: Handler,
}

impl Acceptor {
    async fn run(mut self) {
        let mut connections = JoinSet::new();
        loop {
            let front = *self.front.borrow_and_update();
            match front {
                Front::Refusing => self.listener = None,
                _ if self.listener.is_none() => self.listener = listen(self.address).ok(),
                _ => {}
            }
            if self.listener.is_some() != (front == Front::Refusing) {
                self.done.send_replace(front);
            }
            tokio::select! {
                changed = self.front.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = sleep(PAUSE), if self.listener.is_none() && front != Front::Refusing => {}
                stream = accept(self.listener.as_ref()) => {
                    self.counts.accepted.fetch_add(1, Ordering::SeqCst);
                    if front == Front::Dropping {
                        continue;
                    }
                    let (front, counts) = (self.front.clone(), Arc::clone(&self.counts));
                    connections.spawn(connection::serve(stream, front, counts, Arc::clone(&self.handler)));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    loop {
        match listener {
            Some(listener) => {
                if let Ok((stream, _)) = listener.accept().await {
                    return stream;
                }
            }
            None => std::future::pending().await,
        }
    }
}
