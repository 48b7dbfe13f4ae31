//! Every key service for tests: a server that makes real signatures, a front that injects faults, and the settings of a signer
//! that uses it. Each promise of the signer is written once and tested with all of them.

mod aws;
mod gcp;
pub mod identity;
mod signer;
mod vault;

use anyhow::Result;
use ed25519_dalek::VerifyingKey;
use futures::FutureExt;
use futures::future::LocalBoxFuture;

use crate::key_front::{Act, Asked, KeyFront};

pub use signer::{Environment, environment_of, ready, start};

/// The purpose of a signer's request to a key service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Credentials, possibly from another service than the key.
    Login,
    /// The public key.
    PublicKey,
    /// The signature over these bytes.
    Sign(Vec<u8>),
}

/// Whether a request to this service is for a signature.
pub fn is_sign(service: &dyn KeyService) -> impl Fn(&Asked) -> bool + Send + Sync + 'static {
    let call = service.call();
    move |asked| matches!(call(asked), Some(Call::Sign(_)))
}

/// Whether a request to this service is for the public key.
pub fn is_public_key(service: &dyn KeyService) -> impl Fn(&Asked) -> bool + Send + Sync + 'static {
    let call = service.call();
    move |asked| call(asked) == Some(Call::PublicKey)
}

/// Failures that every key service reports in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The service is temporarily unavailable.
    Unavailable,
    /// An internal error.
    Internal,
    /// Too many calls.
    Throttled,
    /// The caller may not use the key.
    Denied,
    /// The key does not exist.
    NotFound,
    /// The key exists but is disabled, or scheduled for deletion.
    Disabled,
    /// The caller's credentials have expired.
    Expired,
}

impl Trouble {
    /// All failures.
    pub const ALL: [Self; 7] = [
        Self::Unavailable,
        Self::Internal,
        Self::Throttled,
        Self::Denied,
        Self::NotFound,
        Self::Disabled,
        Self::Expired,
    ];
}

/// One key of a key service.
pub trait KeyService: Send + Sync {
    /// The value in `ATTO_SIGNER_BACKEND`.
    fn name(&self) -> &'static str;

    /// Changes of a signer's environment for this key.
    fn environment(&self) -> Vec<(&'static str, String)>;

    /// The front of the service, and of a separate login service.
    fn front(&self) -> &KeyFront;

    /// The key that verifies signatures.
    fn key(&self) -> VerifyingKey;

    /// The purpose of a request.
    fn call(&self) -> fn(&Asked) -> Option<Call>;

    /// The service's own answer for this trouble. None if it has none.
    fn trouble(&self, trouble: Trouble) -> Option<Act>;

    /// Answers to a signature request that must be rejected, each with its defect.
    fn wrong_signatures(&self) -> Vec<(&'static str, Act)>;

    /// Number of logins.
    fn logins(&self) -> usize {
        let call = self.call();
        self.front().count(|asked| call(asked) == Some(Call::Login))
    }

    /// Whether logins are refused. Issued credentials stay valid.
    fn refuse_logins(&self, refuse: bool);

    /// Issued credentials, which must appear nowhere.
    fn secrets(&self) -> Vec<String>;
}

/// Starts a key service.
pub type Start = fn() -> LocalBoxFuture<'static, Result<Box<dyn KeyService>>>;

/// All key services of the signer.
pub const ALL: [(&str, Start); 3] = [
    ("GCP", || gcp::start().boxed_local()),
    ("AWS", || aws::start().boxed_local()),
    ("VAULT", || vault::start().boxed_local()),
];
