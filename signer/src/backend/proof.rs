//! Tests that a key signs correctly.

use ed25519_dalek::VerifyingKey;

use super::signing::{Backend, BackendError, Signature};
use crate::protocol::PublicKey;

/// The text of a self-test: 41 bytes, a length that no Atto hash has.
pub fn self_test_text() -> Result<[u8; 41], BackendError> {
    let mut text = *b"atto-signer self-test v1 ----------------";
    text[25..].copy_from_slice(&random::<16>()?);
    Ok(text)
}

/// Signs a self-test twice. Another implementation must verify both signatures, and they must be equal.
pub async fn prove_twice<B: Backend>(backend: &B) -> Result<(), BackendError> {
    let text = self_test_text()?;
    let sign = async || {
        let signature = backend.sign(&text).await?;
        verify(backend.public_key(), &text, &signature).map(|()| signature)
    };
    if sign().await? == sign().await? {
        Ok(())
    } else {
        Err(BackendError::Differs)
    }
}

/// Whether it is a signature by this key over these bytes.
pub fn verify(public_key: PublicKey, bytes: &[u8], signature: &Signature) -> Result<(), BackendError> {
    let key = VerifyingKey::from_bytes(&public_key.0).map_err(|_| BackendError::Mismatch)?;
    key.verify_strict(bytes, &(*signature).into())
        .map_err(|_| BackendError::Mismatch)
}

/// Bytes from the operating system's random number generator. That of aws-lc needs 40 ms to initialise.
pub fn random<const N: usize>() -> Result<[u8; N], BackendError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| BackendError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{LocalKey, Seed};

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
        assert_eq!(prove_twice(&key()).await, Ok(()));
        assert_eq!(prove_twice(&Liar(key())).await, Err(BackendError::Mismatch));
    }
}
