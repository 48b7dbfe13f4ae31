//! Where the key is.

mod fault;
pub(crate) mod gcp;
mod local;

use std::{future::Future, time::Duration};

use ed25519_dalek::VerifyingKey;
use thiserror::Error;
use tokio::time::Instant;

pub use fault::{Again, Cause, Fault};
pub use gcp::{Clients, Endpoint, GcpConfig, GcpKey, PublicKeyError, remedy};
pub use local::{InvalidSeed, LocalKey, Seed};

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
                    is_cached: false,
                },
            }
        }
    }

    /// An outage seems to be over, or calls hang: connections and credentials may be stale.
    fn renew(&self) {}
}

/// What became of a hash for one caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// The signature, or why there is none.
    pub result: Result<Signature, BackendError>,
    /// What it took.
    pub effort: Effort,
}

/// What a signature took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Attempts at the backend so far, for whichever callers.
    pub attempts: u32,
    /// Whether the signature was there already.
    pub is_cached: bool,
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
    /// A remote backend failed.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// The backend fails for all, and nobody is sent to it for now.
    #[error("the backend fails; it is tried twice a second")]
    Broken,
    /// Nothing came within the time that the caller has.
    #[error("no signature within {} ms", .0.as_millis())]
    Deadline(Duration),
    /// Too many signatures are waited for already.
    #[error("too many signatures are waited for")]
    Overloaded,
}

/// What a self-test signs: 41 bytes, a length that no Atto hash has.
pub fn self_test_text() -> Result<[u8; 41], BackendError> {
    let mut text = *b"atto-signer self-test v1 ----------------";
    text[25..].copy_from_slice(&random::<16>()?);
    Ok(text)
}

/// Signs a self-test, and verifies the signature with another implementation.
pub async fn prove<B: Backend>(backend: &B) -> Result<(), BackendError> {
    let text = self_test_text()?;
    let signature = backend.sign(&text).await?;
    verify(backend.public_key(), &text, &signature)
}

/// Whether it is this key's signature over these bytes.
pub fn verify(public_key: PublicKey, bytes: &[u8], signature: &Signature) -> Result<(), BackendError> {
    let key = VerifyingKey::from_bytes(&public_key.0).map_err(|_| BackendError::Mismatch)?;
    key.verify_strict(bytes, &(*signature).into())
        .map_err(|_| BackendError::Mismatch)
}

/// Bytes from the operating system's random number generator: the one of aws-lc takes 40 ms to collect its first ones.
pub fn random<const N: usize>() -> Result<[u8; N], BackendError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| BackendError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Liar(LocalKey);

    impl Backend for Liar {
        fn public_key(&self) -> PublicKey {
            self.0.public_key()
        }

        async fn sign(&self, bytes: &[u8]) -> Result<Signature, BackendError> {
            let mut signature = self.0.sign(bytes).await?;
            signature[0] ^= 1;
            Ok(signature)
        }
    }

    #[tokio::test]
    async fn a_key_that_signs_wrongly_is_found_out() {
        let key = || LocalKey::new(&Seed::generate().unwrap()).unwrap();
        assert_eq!(prove(&key()).await, Ok(()));
        assert_eq!(prove(&Liar(key())).await, Err(BackendError::Mismatch));
    }
}
