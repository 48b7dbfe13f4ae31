//! What signs, and what became of it.

use std::{future::Future, time::Duration};

use thiserror::Error;
use tokio::time::Instant;

use super::{bounds::Lost, fault::Fault};
use crate::protocol::PublicKey;

/// An Ed25519 signature.
pub type Signature = [u8; 64];

/// Something that signs with one key.
pub trait Backend: Send + Sync + 'static {
    /// The key's public half.
    fn public_key(&self) -> PublicKey;

    /// The Ed25519 signature over these bytes.
    fn sign(&self, bytes: &[u8]) -> impl Future<Output = Result<Signature, BackendError>> + Send;

    /// The same for a caller who has been waiting since `start`. A key in memory needs no clock.
    fn sign_for(&self, bytes: &[u8], start: Instant) -> impl Future<Output = Signing> + Send {
        let _ = start;
        async {
            Signing {
                result: self.sign(bytes).await,
                effort: Effort {
                    attempts: 1,
                    ..Effort::default()
                },
            }
        }
    }

    /// What has been done so far for these bytes, of which a caller wants no answer any more.
    fn effort(&self, bytes: &[u8]) -> Effort {
        let _ = bytes;
        Effort::default()
    }
}

/// What became of a hash for one caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// The signature, or why there is none.
    pub result: Result<Signature, BackendError>,
    /// The duration.
    pub effort: Effort,
}

/// What a signature took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Attempts at the backend so far, for whichever callers.
    pub attempts: u32,
    /// Whether the signature was there already.
    pub is_cached: bool,
    /// How long the attempt took that gave the signature; none with a key in this process.
    pub backend: Option<Duration>,
}

/// The backend could not sign; the same request may succeed later.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BackendError {
    /// The cryptographic library refused.
    #[error("the key could not sign")]
    Sign,
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
    /// What came back is not a signature by the key.
    #[error("the signature does not belong to the public key")]
    Mismatch,
    /// The same bytes were signed in two ways.
    #[error(
        "found two different signatures over the same bytes, expected equal ones as Ed25519 makes them (RFC 8032). A node \
        stores a vote under its signature. Use another key, or find out what answers instead of the key service"
    )]
    Differs,
    /// A remote backend failed.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// The backend fails for all requests, and none is sent to it now.
    #[error("the backend fails; the signer probes it twice a second")]
    Broken,
    /// Nothing came within the time that the caller has.
    #[error("no signature within {} ms", .0.as_millis())]
    Deadline(Duration),
    /// Too many signatures are waited for already.
    #[error("too many signatures are pending")]
    Overloaded,
}

impl From<Lost> for BackendError {
    fn from(lost: Lost) -> Self {
        Self::Fault(lost.into())
    }
}
