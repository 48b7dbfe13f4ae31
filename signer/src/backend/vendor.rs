//! The interface of a key service for the rest of the program: its settings, the place of the key, and a session.

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

/// A future behind a pointer: a call to a key service is long, and one box more is nothing.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A service that keeps keys and signs with them.
#[derive(Debug)]
pub struct Vendor {
    /// In `ATTO_SIGNER_BACKEND`, metrics, `/info` and the audit trail.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// The form of `ATTO_SIGNER_KEY`, for `--help`.
    pub key: &'static str,
    /// What such a key is called.
    pub key_noun: &'static str,
    /// Whether a text looks like such a key, for a message if another backend is set.
    pub is_key: fn(&str) -> bool,
    /// Parts of the paths of libraries that it alone calls and that see nothing of a client: their panic messages are shown.
    pub libraries: &'static [&'static str],
    /// Adds the settings that are its own, `ATTO_SIGNER_<NAME>_…`, to a command.
    pub args: fn(clap::Command) -> clap::Command,
    /// Variables of other projects that this service reads, each with a sentence of description.
    pub variables: &'static [(&'static str, &'static str)],
    /// Checks `ATTO_SIGNER_KEY` and its own settings, without a request.
    pub read: Read,
}

/// Variables of other projects that apply to every key service, each with a sentence of description.
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

/// The place of the key, from `ATTO_SIGNER_KEY` and all settings, or all errors.
pub type Read = fn(Setting<'_>, &ArgMatches) -> Result<Arc<dyn Location>, Errors>;

/// Which key, and where: settings that are checked.
pub trait Location: fmt::Debug + Send + Sync {
    /// [`Vendor::name`].
    fn backend(&self) -> &'static str;

    /// Whether a session shows the token of `ATTO_SIGNER_IDENTITY_TOKEN_FILE` to a service.
    fn reads_identity_token(&self) -> bool {
        false
    }

    /// What of this process's environment would stand between the service and us.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Begins a session; nothing is asked before its upkeep runs.
    fn open(&self) -> Arc<dyn Session>;
}

/// A key service as it is asked for one key. Any call may hang or panic: callers bound it (`backend::bounded`).
pub trait Session: Send + Sync {
    /// Has credentials and connections ready; never ends.
    fn upkeep(self: Arc<Self>) -> BoxFuture<'static, ()>;

    /// Waits until the service can be asked, or it is known why not; at most for this long.
    fn settled(&self, limit: Duration) -> BoxFuture<'_, ()>;

    /// Asks for the public key.
    fn load(&self) -> BoxFuture<'_, Result<Loaded, LoadError>>;

    /// Asks for the signature over these bytes, and checks what the answer says of itself.
    fn sign<'a>(&'a self, bytes: &'a [u8]) -> BoxFuture<'a, Result<Signature, Fault>>;

    /// An outage seems to be over, or calls hang: connections and credentials may be stale.
    fn renew(&self) {}

    /// How many clients were made so far: whatever one was found out to be is not known of the next.
    fn generation(&self) -> u64 {
        0
    }

    /// Who asks, as far as the credentials say.
    fn identity(&self) -> Option<String> {
        None
    }

    /// What a person can do about a failure.
    fn remedy(&self, cause: Cause) -> Cow<'static, str>;
}

/// What the service says of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The key's public half.
    pub public_key: PublicKey,
    /// What else was found to be right, for `preflight`.
    pub facts: Vec<String>,
}

/// The public key was not available.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LoadError {
    /// It may be there later.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// It will never do, and why.
    #[error("{0}")]
    Never(String),
}

/// A session whose public key is known, without the service between: for a command that signs a few times.
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
