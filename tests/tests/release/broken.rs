//! A registry that answers every request with an error that says nothing about tags.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use bytes::Bytes;
use futures::FutureExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use tests::fake_server::{FakeServer, Front, Reply};

pub struct Broken {
    server: FakeServer,
    writes: Arc<AtomicUsize>,
}

impl Broken {
    pub fn start() -> Result<Self> {
        let writes = Arc::<AtomicUsize>::default();
        let counted = writes.clone();
        let handler = move |request: Request<Bytes>| {
            if *request.method() != Method::GET && *request.method() != Method::HEAD {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            let mut answer = Response::new(Full::new(Bytes::from("no room")));
            *answer.status_mut() = StatusCode::INSUFFICIENT_STORAGE;
            async move { Reply::Answer(answer) }.boxed()
        };
        Ok(Self {
            server: FakeServer::start(Front::Serving, Arc::new(handler))?,
            writes,
        })
    }

    pub fn repository(&self) -> String {
        format!("{}/attocash/signer-operator", self.server.host())
    }

    /// Requests that would have changed something.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }
}
