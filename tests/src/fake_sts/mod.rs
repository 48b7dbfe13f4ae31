//! Google's token service and its IAM credentials service, as far as Workload Identity Federation uses them: the first accepts a
//! token of a cluster whose keys it knows, the second exchanges the result for the token of a service account.
//!
//! <https://docs.cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token>,
//! <https://docs.cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>

mod exchange;
mod impersonate;
mod token;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;

use crate::fake_server::{FakeServer, Front, Reply, Script};

/// The provider of the service.
pub const PROVIDER: &str =
    "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/atto-pool/providers/cluster";

/// The only service account, unless it is removed.
pub const ACCOUNT: &str = "signer@voter-project.iam.gserviceaccount.com";

/// A fault of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status, with an OAuth error.
    Status(u16),
    /// This status, with a page of a proxy.
    Html(u16),
    /// Closed without an answer.
    Drop,
    /// Accepted, but never answered.
    Hang,
    /// A 400 that repeats the request.
    Echo,
    /// A 200 without a token.
    Garbage,
}

/// Both services at one address. They end when this value is dropped.
pub struct FakeSts {
    server: FakeServer,
    shared: Arc<Shared>,
}

struct Shared {
    /// In the format of the API server's `/openid/v1/jwks`.
    keys: Value,
    issuer: String,
    faults: Script<Fault>,
    state: Mutex<State>,
}

struct State {
    /// In seconds.
    lifetime: u64,
    exchanged: Vec<String>,
    impersonated: Vec<String>,
    refused: Vec<String>,
    may_impersonate: bool,
}

impl FakeSts {
    /// Trusts tokens of this issuer with signatures by these keys, in the running tokio runtime.
    ///
    /// # Errors
    /// If there is no free port.
    pub fn start(issuer: &str, keys: Value) -> Result<Self> {
        let shared = Arc::new(Shared {
            keys,
            issuer: issuer.to_owned(),
            faults: Script::default(),
            state: Mutex::new(State {
                lifetime: 3_599,
                exchanged: Vec::new(),
                impersonated: Vec::new(),
                refused: Vec::new(),
                may_impersonate: true,
            }),
        });
        let inner = Arc::clone(&shared);
        let handler = Arc::new(move |request: Request<Bytes>| {
            let shared = Arc::clone(&inner);
            async move { shared.answer(&request) }.boxed()
        });
        Ok(Self {
            server: FakeServer::start(Front::Serving, handler)?,
            shared,
        })
    }

    /// For `ATTO_SIGNER_GCP_STS_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.host())
    }

    /// Faults of the next requests to either service.
    pub fn faults(&self) -> &Script<Fault> {
        &self.shared.faults
    }

    /// Lifetime of tokens from now on, in seconds.
    pub fn set_lifetime(&self, seconds: u64) {
        self.shared.state().lifetime = seconds;
    }

    /// Whether the subject may impersonate the service account.
    pub fn allow_impersonation(&self, may: bool) {
        self.shared.state().may_impersonate = may;
    }

    /// Number of exchanged tokens.
    pub fn exchanges(&self) -> usize {
        self.shared.state().exchanged.len()
    }

    /// The tokens that were issued for a cluster's tokens.
    pub fn given(&self) -> Vec<String> {
        self.shared.state().exchanged.clone()
    }

    /// Why requests were refused.
    pub fn refusals(&self) -> Vec<String> {
        self.shared.state().refused.clone()
    }

    /// Whether this `Authorization` is a token that was issued to a subject, or to the service account.
    pub fn knows(&self, authorization: &str, as_account: bool) -> bool {
        self.shared.knows(authorization, as_account)
    }

    /// [`Self::knows`] as a function that outlives this borrow.
    pub fn judge(&self, as_account: bool) -> impl Fn(&str) -> bool + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move |authorization| shared.knows(authorization, as_account)
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
    fn answer(&self, request: &Request<Bytes>) -> Reply {
        match self.faults.take() {
            Some(Fault::Status(status)) => {
                return json(
                    status,
                    &serde_json::json!({"error": "server_error", "error_description": "made by a test"}),
                );
            }
            Some(Fault::Html(status)) => return page(status),
            Some(Fault::Drop) => return Reply::Drop,
            Some(Fault::Hang) => return Reply::Never,
            Some(Fault::Echo) => return reply(400, "text/plain", String::from_utf8_lossy(request.body()).into_owned()),
            Some(Fault::Garbage) => return json(200, &serde_json::json!({"ok": true})),
            None => {}
        }
        let path = request.uri().path();
        let result = match path {
            "/v1/token" => exchange::exchange(self, request.body()),
            _ => match impersonate::account(path) {
                Some(account) => impersonate::impersonate(self, account, request),
                None => return page(404),
            },
        };
        match result {
            Ok(answer) => json(200, &answer),
            Err((status, why, answer)) => {
                self.state().refused.push(why);
                json(status, &answer)
            }
        }
    }

    fn knows(&self, authorization: &str, as_account: bool) -> bool {
        let Some(token) = authorization.strip_prefix("Bearer ") else {
            return false;
        };
        let state = self.state();
        let given = if as_account {
            &state.impersonated
        } else {
            &state.exchanged
        };
        given.iter().any(|given| given == token)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer, or the status, the reason for the test's log, and the message for the client.
type Answered = std::result::Result<Value, (u16, String, Value)>;

fn json(status: u16, body: &Value) -> Reply {
    reply(status, "application/json", body.to_string())
}

fn page(status: u16) -> Reply {
    reply(status, "text/html", "<html><title>proxy</title></html>".to_owned())
}

fn reply(status: u16, kind: &str, body: String) -> Reply {
    let builder = Response::builder()
        .status(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header("content-type", kind);
    builder
        .body(Full::new(Bytes::from(body)))
        .map_or(Reply::Drop, Reply::Answer)
}
