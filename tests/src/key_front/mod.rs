//! What stands in front of a key service in a test: it passes requests on, remembers them, and makes the faults that the service itself
//! has not.

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

/// A reverse proxy on a free loopback port, by plain HTTP on both sides. It ends when this value is dropped.
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
    /// Passes everything on to this address, in the running tokio runtime.
    ///
    /// # Errors
    /// When there is no free port.
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

    /// Where it listens, for a front before this one.
    ///
    /// # Errors
    /// None: its host is an address.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.server.host().parse()?)
    }

    /// From now on so many of the requests that fit get this. Of two rules that fit, the newer one decides.
    pub fn on(&self, fits: impl Fn(&Asked) -> bool + Send + Sync + 'static, act: Act, calls: For) {
        self.shared.rules().push(Rule::new(fits, act, calls));
    }

    /// Passes everything on again.
    pub fn clear(&self) {
        self.shared.rules().clear();
    }

    /// What was asked so far, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked().clone()
    }

    /// How many requests so far fit.
    pub fn count(&self, fits: impl Fn(&Asked) -> bool) -> usize {
        self.shared.asked().iter().filter(|asked| fits(asked)).count()
    }

    /// Meets connections another way.
    ///
    /// # Errors
    /// When its port cannot be had again.
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
            // Carried out, and the answer is lost.
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
