//! The interface for signing, and its results.

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

    /// The signature for a caller that has been waiting since `start`. A key in memory ignores it.
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

    /// The effort so far for these bytes, if the caller no longer waits.
    fn effort(&self, bytes: &[u8]) -> Effort {
        let _ = bytes;
        Effort::default()
    }
}

/// The result for one caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// The signature, or why there is none.
    pub result: Result<Signature, BackendError>,
    /// The effort for this result.
    pub effort: Effort,
}

/// The effort for a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Attempts at the backend so far, for all callers.
    pub attempts: u32,
    /// Whether the signature was in the cache.
    pub is_cached: bool,
    /// Duration of the successful attempt. None with a key in this process.
    pub backend: Option<Duration>,
}

/// The backend could not sign; the same request may succeed later.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BackendError {
    /// The cryptographic library failed.
    #[error("the key could not sign")]
    Sign,
    /// The operating system provided no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
    /// The result is not a signature by the key.
    #[error("the signature does not belong to the public key")]
    Mismatch,
    /// Two different signatures over the same bytes.
    #[error(
        "found two different signatures over the same bytes, expected equal ones as Ed25519 makes them (RFC 8032). A node \
        stores a vote under its signature. Use another key, or find out what answers instead of the key service"
    )]
    Differs,
    /// A remote backend failed.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// The backend fails for all requests, so no request is sent now.
    #[error("the backend fails; the signer probes it twice a second")]
    Broken,
    /// No result within the caller's time limit.
    #[error("no signature within {} ms", .0.as_millis())]
    Deadline(Duration),
    /// Too many signatures are already waiting.
    #[error("too many signatures are pending")]
    Overloaded,
}

impl From<Lost> for BackendError {
    fn from(lost: Lost) -> Self {
        Self::Fault(lost.into())
    }
}
