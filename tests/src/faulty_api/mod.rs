//! A proxy in front of the API server that injects the faults that a test configures. It speaks plain HTTP to its client, and TLS
//! with the client's own identity to the API server.

mod answers;
mod asked;
mod exchange;
mod gate;
mod rules;
mod watching;

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Error, Result};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use asked::Verb;
pub use gate::Gate;
pub use rules::{Fault, Rule, Which};
pub use watching::End;

pub use crate::fake_server::For;
use crate::kubeconfig::Kubeconfig;
use crate::process::{Directory, random_suffix};
use rules::Rules;

type Payload = UnsyncBoxBody<Bytes, Error>;

/// How an expired version of a watch is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// With the status code of the answer.
    Status,
    /// With an event in a successful answer.
    Event,
}

/// The proxy for one client. It ends when this value is dropped.
pub struct FaultyApi {
    proxy: Arc<Proxy>,
    kubeconfig: Kubeconfig,
    task: JoinHandle<()>,
}

struct Proxy {
    name: String,
    upstream: Client,
    rules: Rules,
    expired: Mutex<Option<(u64, Expiry)>>,
    cuts: watch::Sender<(u64, End)>,
}

impl FaultyApi {
    /// Starts in the running tokio runtime, without faults. In the audit log, its requests have the user agent `name`.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn start(name: &str, behind: &Kubeconfig, directory: &Directory) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("no free port on loopback")?;
        let cluster = json!({ "server": format!("http://{}", listener.local_addr()?) });
        let file = directory.path().join(format!("proxy-{}.kubeconfig", random_suffix()));
        let proxy = Arc::new(Proxy {
            name: name.to_owned(),
            upstream: behind.client_without_retries().await?,
            rules: Rules::default(),
            expired: Mutex::default(),
            cuts: watch::Sender::new((0, End::Clean)),
        });
        Ok(Self {
            kubeconfig: Kubeconfig::write(file, &cluster, &json!({}))?,
            task: tokio::spawn(accept(listener, Arc::clone(&proxy))),
            proxy,
        })
    }

    /// The client's kubeconfig.
    pub fn kubeconfig(&self) -> &Kubeconfig {
        &self.kubeconfig
    }

    /// Applies this fault to the next calls of these requests. Earlier rules take precedence.
    pub fn rule(&self, which: Which, fault: Fault, calls: For) -> Rule {
        let rule = Rule::new(which, fault, calls);
        self.proxy.rules.push(rule.clone());
        rule
    }

    /// Ends all running watches.
    pub fn cut_watches(&self, end: End) {
        self.proxy.cuts.send_modify(|cuts| *cuts = (cuts.0 + 1, end));
    }

    /// From now on, no watch can continue from a resourceVersion before this one, as after a compaction of etcd.
    pub fn expire(&self, version: u64, expiry: Expiry) {
        *self.proxy.expired() = Some((version, expiry));
    }
}

impl Drop for FaultyApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    fn expired(&self) -> MutexGuard<'_, Option<(u64, Expiry)>> {
        self.expired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, proxy: Arc<Proxy>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(serve(stream, Arc::clone(&proxy)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, proxy: Arc<Proxy>) {
    // Small answers must not wait for an acknowledgement. Without the option, a proxy is only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| exchange::exchange(Arc::clone(&proxy), request));
    // An error means that a fault or the client has closed the connection.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
