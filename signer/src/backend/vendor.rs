//! The interface between a key service and the rest of the program: its settings, the location of the key, and a session.

use std::{borrow::Cow, fmt, pin::Pin, sync::Arc, time::Duration};

use clap::ArgMatches;
use thiserror::Error;

use super::{
    fault::{Cause, Fault},
    signing::{Backend, BackendError, Signature},
};
use crate::{
    protocol::PublicKey,
    settings::{Errors, Setting},
};

/// A boxed future. A call to a key service takes long, so the allocation does not matter.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A service that stores keys and signs with them.
#[derive(Debug)]
pub struct Vendor {
    /// The name in `ATTO_SIGNER_BACKEND`, metrics, `/info` and the audit trail.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The form of `ATTO_SIGNER_KEY`, for `--help`.
    pub key: &'static str,
    /// The name of this kind of key for people.
    pub key_noun: &'static str,
    /// Whether a text looks like this kind of key, for a message if another backend is set.
    pub is_key: fn(&str) -> bool,
    /// Parts of the paths of libraries that only this vendor calls and that handle no client data. Their panic messages are
    /// shown.
    pub libraries: &'static [&'static str],
    /// Adds the vendor's own settings, `ATTO_SIGNER_<NAME>_…`, to a command.
    pub args: fn(clap::Command) -> clap::Command,
    /// Variables of other projects that this service reads, each with a description.
    pub variables: &'static [(&'static str, &'static str)],
    /// Checks `ATTO_SIGNER_KEY` and the vendor's own settings, without a request.
    pub read: Read,
}

/// Variables of other projects that apply to every key service, each with a description.
pub const COMMON_VARIABLES: &[(&str, &str)] = &[
    (
        "SSL_CERT_FILE",
        "A file (PEM) with the certificate authorities to trust instead of the system's, except for \
        `ATTO_SIGNER_VAULT_CA_FILE`. It is read for each new client, and a failed connection leads to a new \
        client: a replaced file takes effect without a restart.",
    ),
    ("SSL_CERT_DIR", "A directory of such files."),
    (
        "HTTPS_PROXY",
        "The proxy for requests to the key service. Plain HTTP to this host never uses it.",
    ),
    ("ALL_PROXY", "The same, if `HTTPS_PROXY` is not set."),
    (
        "NO_PROXY",
        "Hosts that are asked without the proxy, separated by commas.",
    ),
];

/// The location of the key, from `ATTO_SIGNER_KEY` and all settings, or all errors.
pub type Read = fn(Setting<'_>, &ArgMatches) -> Result<Arc<dyn Location>, Errors>;

/// The checked settings of a key: which one, and where.
pub trait Location: fmt::Debug + Send + Sync {
    /// [`Vendor::name`].
    fn backend(&self) -> &'static str;

    /// Whether a session sends the token of `ATTO_SIGNER_IDENTITY_TOKEN_FILE` to a service.
    fn reads_identity_token(&self) -> bool {
        false
    }

    /// Settings in this process's environment that may prevent access to the service.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Opens a session. It sends no request before its upkeep runs.
    fn open(&self) -> Arc<dyn Session>;
}

/// A connection to a key service for one key. Any call may hang or panic, so callers limit it (`backend::bounded`).
pub trait Session: Send + Sync {
    /// Keeps credentials and connections ready. Never ends.
    fn upkeep(self: Arc<Self>) -> BoxFuture<'static, ()>;

    /// Waits until requests are possible, or the reason why not is known; at most for this long.
    fn settled(&self, limit: Duration) -> BoxFuture<'_, ()>;

    /// Requests the public key.
    fn load(&self) -> BoxFuture<'_, Result<Loaded, LoadError>>;

    /// Requests the signature over these bytes, and checks the other fields of the answer.
    fn sign<'a>(&'a self, bytes: &'a [u8]) -> BoxFuture<'a, Result<Signature, Fault>>;

    /// Called after a likely outage or when calls hang: connections and credentials may be stale.
    fn renew(&self) {}

    /// The number of clients created so far. A finding about one client does not apply to the next.
    fn generation(&self) -> u64 {
        0
    }

    /// The identity of the credentials, if it is known.
    fn identity(&self) -> Option<String> {
        None
    }

    /// The remedy for a failure.
    fn remedy(&self, cause: Cause) -> Cow<'static, str>;
}

/// The service's answer about the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The key's public half.
    pub public_key: PublicKey,
    /// Further confirmed facts, for `preflight`.
    pub facts: Vec<String>,
}

/// The public key was not available.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LoadError {
    /// The failure may be temporary.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// The key can never be used, for this reason.
    #[error("{0}")]
    Never(String),
}

/// A session with its public key, without the service layer: for commands that sign only a few times.
pub struct SessionKey {
    session: Arc<dyn Session>,
    public_key: PublicKey,
}

impl SessionKey {
    /// Signs with this session.
    pub fn new(session: Arc<dyn Session>, public_key: PublicKey) -> Self {
        Self { session, public_key }
    }
}

impl Backend for SessionKey {
    fn public_key(&self) -> PublicKey {
        self.public_key
    }

    async fn sign(&self, bytes: &[u8]) -> Result<Signature, BackendError> {
        Ok(self.session.sign(bytes).await?)
    }
}
