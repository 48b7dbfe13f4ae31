//! A proxy in front of a key service in a test: it forwards requests, records them, and injects faults that the service itself
//! does not offer.

mod asked;
mod book;
mod forward;
mod rule;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use futures::FutureExt;
use http::Request;
use tokio::time::sleep;

use crate::fake_server::{FakeServer, For, Front, Reply};

pub use asked::Asked;
pub use book::Book;
use rule::Rule;
pub use rule::{Act, answer, changed};

/// A reverse proxy on a free loopback port, with plain HTTP on both sides. It ends when this value is dropped.
pub struct KeyFront {
    server: FakeServer,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    rules: Mutex<Vec<Rule>>,
    asked: Mutex<Vec<Asked>>,
}

impl KeyFront {
    /// Forwards everything to this address, in the running tokio runtime.
    ///
    /// # Errors
    /// If there is no free port.
    pub fn start(upstream: SocketAddr) -> Result<Self> {
        let shared = Arc::new(Shared {
            upstream,
            rules: Mutex::default(),
            asked: Mutex::default(),
        });
        let state = Arc::clone(&shared);
        let handler = Arc::new(move |request: Request<Bytes>| Arc::clone(&state).meet(request).boxed());
        Ok(Self {
            server: FakeServer::start(Front::Serving, handler)?,
            shared,
        })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.server.host())
    }

    /// Its address, for another front before this one.
    ///
    /// # Errors
    /// Never: its host is an IP address.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.server.host().parse()?)
    }

    /// Applies this to the next matching requests. Of two matching rules, the newer one applies.
    pub fn on(&self, fits: impl Fn(&Asked) -> bool + Send + Sync + 'static, act: Act, calls: For) {
        self.shared.rules().push(Rule::new(fits, act, calls));
    }

    /// Removes all rules.
    pub fn clear(&self) {
        self.shared.rules().clear();
    }

    /// All requests so far, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked().clone()
    }

    /// Number of matching requests so far.
    pub fn count(&self, fits: impl Fn(&Asked) -> bool) -> usize {
        self.shared.asked().iter().filter(|asked| fits(asked)).count()
    }

    /// Changes how connections are handled.
    ///
    /// # Errors
    /// If its port cannot be opened again.
    pub async fn set_front(&self, front: Front) -> Result<()> {
        self.server.set_front(front).await
    }
}

impl Shared {
    async fn meet(self: Arc<Self>, request: Request<Bytes>) -> Reply {
        let asked = Asked::of(&request);
        let act = rule::decide(&mut self.rules(), &asked);
        self.asked().push(asked);
        self.act(act, request).await
    }

    async fn act(&self, act: Act, request: Request<Bytes>) -> Reply {
        match act {
            Act::Pass => self.forward(request).await,
            Act::Delay(time) => {
                sleep(time).await;
                self.forward(request).await
            }
            Act::Answer(answer) => answer.reply(),
            Act::Change(change) => {
                let answer = forward::exchange(self.upstream, request).await;
                forward::reply(answer.map(|(parts, body)| (parts, change(&body))))
            }
            Act::Cut => Reply::Drop,
            // It is executed, but its answer is lost.
            Act::Lose => {
                self.forward(request).await;
                Reply::Drop
            }
            Act::Silence => Reply::Never,
            Act::Keep(book) => {
                let body = request.body().clone();
                let answer = forward::exchange(self.upstream, request).await;
                if let Ok(answer) = &answer {
                    book.keep(body, answer.clone());
                }
                forward::reply(answer)
            }
            Act::Recall(book) => match book.find(request.body()) {
                Some(answer) => forward::reply(Ok(answer)),
                None => self.forward(request).await,
            },
        }
    }

    async fn forward(&self, request: Request<Bytes>) -> Reply {
        forward::reply(forward::exchange(self.upstream, request).await)
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
