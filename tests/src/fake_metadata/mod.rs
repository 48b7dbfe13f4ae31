//! The metadata server of Google's VMs, as far as credentials use it: a token, the account's e-mail address, and the universe
//! domain.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use bytes::Bytes;
use futures::FutureExt;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;
use tokio::time::{Duration, sleep};

use crate::fake_server::{FakeServer, Front, Reply, Script};

/// The account of the tokens.
pub const EMAIL: &str = "signer@p.iam.gserviceaccount.com";

const TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const EMAIL_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/email";
const UNIVERSE: &str = "/computeMetadata/v1/universe/universe-domain";

/// A fault of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status instead of an answer. A grant that has not propagated yet gives 403, and GKE sometimes gives 404.
    Status(u16),
    /// Accepted, but never answered.
    Hang,
    /// Closed without an answer.
    Drop,
    /// Answered correctly after this time.
    Delay(Duration),
    /// A 200 without a token.
    Garbage,
}

/// A metadata server. It ends when this value is dropped.
pub struct FakeMetadata {
    server: FakeServer,
    metadata: Arc<Metadata>,
}

struct Metadata {
    token: Script<Fault>,
    email: Script<Fault>,
    universe: Script<Fault>,
    universes: AtomicU64,
    lifetime: AtomicU64,
    asked: AtomicU64,
    given: AtomicU64,
}

impl FakeMetadata {
    /// Serves in the running tokio runtime. [`Front::Refusing`] means a server that is not available yet.
    ///
    /// # Errors
    /// If there is no free port.
    pub fn start(front: Front) -> Result<Self> {
        let metadata = Arc::new(Metadata {
            token: Script::default(),
            email: Script::default(),
            universe: Script::default(),
            universes: AtomicU64::default(),
            lifetime: AtomicU64::new(3_599),
            asked: AtomicU64::default(),
            given: AtomicU64::default(),
        });
        let shared = Arc::clone(&metadata);
        let handler = Arc::new(move |request: Request<Bytes>| {
            let metadata = Arc::clone(&shared);
            async move { metadata.answer(&request).await }.boxed()
        });
        Ok(Self {
            server: FakeServer::start(front, handler)?,
            metadata,
        })
    }

    /// For `GCE_METADATA_HOST`.
    pub fn host(&self) -> String {
        self.server.host()
    }

    /// The faults of requests for a token.
    pub fn token_faults(&self) -> &Script<Fault> {
        &self.metadata.token
    }

    /// The faults of requests for the e-mail address.
    pub fn email_faults(&self) -> &Script<Fault> {
        &self.metadata.email
    }

    /// The faults of requests for the universe domain.
    pub fn universe_faults(&self) -> &Script<Fault> {
        &self.metadata.universe
    }

    /// Requests for the universe domain.
    pub fn universes(&self) -> u64 {
        self.metadata.universes.load(Ordering::SeqCst)
    }

    /// Lifetime of tokens from now on, in seconds. Initially 3,599. Google's clients renew four minutes before the end.
    pub fn set_lifetime(&self, seconds: u64) {
        self.metadata.lifetime.store(seconds, Ordering::SeqCst);
    }

    /// Requests for a token, and issued tokens.
    pub fn tokens(&self) -> (u64, u64) {
        let Metadata { asked, given, .. } = &*self.metadata;
        (asked.load(Ordering::SeqCst), given.load(Ordering::SeqCst))
    }

    /// Requests that arrived while the server was silent.
    pub fn silenced(&self) -> u64 {
        self.server.silenced()
    }

    /// Changes how connections are handled.
    ///
    /// # Errors
    /// If its port cannot be opened again.
    pub async fn set_front(&self, front: Front) -> Result<()> {
        self.server.set_front(front).await
    }
}

impl Metadata {
    async fn answer(&self, request: &Request<Bytes>) -> Reply {
        // Protects against requests by a web page or a redirect.
        if request.headers().get("metadata-flavor") != Some(&HeaderValue::from_static("Google")) {
            return text(
                StatusCode::FORBIDDEN,
                "Missing required header \"Metadata-Flavor\": \"Google\"",
            );
        }
        let path = request.uri().path();
        let fault = match path {
            TOKEN => {
                self.asked.fetch_add(1, Ordering::SeqCst);
                self.token.take()
            }
            EMAIL_PATH => self.email.take(),
            UNIVERSE => {
                self.universes.fetch_add(1, Ordering::SeqCst);
                self.universe.take()
            }
            _ => return text(StatusCode::NOT_FOUND, "Not Found"),
        };
        match fault {
            Some(Fault::Status(status)) => {
                return text(
                    StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN),
                    "no token for this account",
                );
            }
            Some(Fault::Hang) => return Reply::Never,
            Some(Fault::Drop) => return Reply::Drop,
            Some(Fault::Garbage) => return text(StatusCode::OK, "<html>"),
            Some(Fault::Delay(delay)) => sleep(delay).await,
            None => {}
        }
        match path {
            EMAIL_PATH => return text(StatusCode::OK, EMAIL),
            UNIVERSE => return text(StatusCode::OK, "googleapis.com"),
            _ => {}
        }
        let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        let lifetime = self.lifetime.load(Ordering::SeqCst);
        let token =
            json!({ "access_token": format!("token-{number}"), "expires_in": lifetime, "token_type": "Bearer" });
        answer(StatusCode::OK, "application/json", token.to_string())
    }
}

fn text(status: StatusCode, text: &str) -> Reply {
    answer(status, "application/text", text.to_owned())
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Reply {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert("metadata-flavor", HeaderValue::from_static("Google"));
    headers.insert("server", HeaderValue::from_static("Metadata Server for VM"));
    Reply::Answer(response)
}
