//! Every key service as a test has it: one that signs for real, a front before it that makes faults, and the settings of a signer that
//! uses it. What the signer promises is written once and asked of each.

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

/// What a signer asks a key service for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Credentials, which may be asked of another service than the key.
    Login,
    /// The public key.
    PublicKey,
    /// The signature over these bytes.
    Sign(Vec<u8>),
}

/// Whether a request of this service asks for a signature.
pub fn is_sign(service: &dyn KeyService) -> impl Fn(&Asked) -> bool + Send + Sync + 'static {
    let call = service.call();
    move |asked| matches!(call(asked), Some(Call::Sign(_)))
}

/// Whether a request of this service asks for the public key.
pub fn is_public_key(service: &dyn KeyService) -> impl Fn(&Asked) -> bool + Send + Sync + 'static {
    let call = service.call();
    move |asked| call(asked) == Some(Call::PublicKey)
}

/// Trouble that every key service has words of its own for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The service is there and cannot answer now.
    Unavailable,
    /// Something broke inside of it.
    Internal,
    /// Too many calls.
    Throttled,
    /// The caller may not use the key.
    Denied,
    /// There is no such key.
    NotFound,
    /// The key is there and may not be used: disabled, or to be deleted.
    Disabled,
    /// The caller's credentials are no longer good.
    Expired,
}

impl Trouble {
    /// All of them.
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
    /// As in `ATTO_SIGNER_BACKEND`.
    fn name(&self) -> &'static str;

    /// What makes of the environment of a signer that of one that uses the key.
    fn environment(&self) -> Vec<(&'static str, String)>;

    /// What stands before the service, the place of the login too where that is another.
    fn front(&self) -> &KeyFront;

    /// What signatures are verified with.
    fn key(&self) -> VerifyingKey;

    /// What a request asks for.
    fn call(&self) -> fn(&Asked) -> Option<Call>;

    /// The service's own words for it. None where it has none.
    fn trouble(&self, trouble: Trouble) -> Option<Act>;

    /// Answers to a request for a signature that must not be passed on: each with what is wrong with it.
    fn wrong_signatures(&self) -> Vec<(&'static str, Act)>;

    /// How many logins there were.
    fn logins(&self) -> usize {
        let call = self.call();
        self.front().count(|asked| call(asked) == Some(Call::Login))
    }

    /// Whether credentials are given; the ones that were given stay good.
    fn refuse_logins(&self, refuse: bool);

    /// What was given as credentials, and may be told to nobody.
    fn secrets(&self) -> Vec<String>;
}

/// Starts one.
pub type Start = fn() -> LocalBoxFuture<'static, Result<Box<dyn KeyService>>>;

/// All key services that the signer knows.
pub const ALL: [(&str, Start); 3] = [
    ("GCP", || gcp::start().boxed_local()),
    ("AWS", || aws::start().boxed_local()),
    ("VAULT", || vault::start().boxed_local()),
];
