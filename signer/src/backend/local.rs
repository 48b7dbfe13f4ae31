use std::{fmt, str::FromStr};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::{HEXUPPER, HEXUPPER_PERMISSIVE};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use super::{
    proof::random,
    signing::{Backend, BackendError, Signature},
};
use crate::protocol::PublicKey;

/// A private key: 32 bytes, written as 64 hexadecimal digits. Never shown, wiped when dropped.
#[derive(Clone)]
pub struct Seed(Zeroizing<[u8; 32]>);

/// Text that is not a private key. Reveals only the text's length.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{length} characters{}", if *.hexadecimal { "" } else { ", not all of them hexadecimal digits" })]
pub struct InvalidSeed {
    length: usize,
    hexadecimal: bool,
}

impl Seed {
    /// A new key from the operating system's random number generator.
    pub fn generate() -> Result<Self, BackendError> {
        Ok(Self(Zeroizing::new(random()?)))
    }

    /// The key as 64 upper-case hexadecimal digits.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(HEXUPPER.encode(&*self.0))
    }
}

impl FromStr for Seed {
    type Err = InvalidSeed;

    fn from_str(text: &str) -> Result<Self, InvalidSeed> {
        let invalid = InvalidSeed {
            length: text.chars().count(),
            hexadecimal: text.bytes().all(|character| character.is_ascii_hexdigit()),
        };
        let mut bytes = HEXUPPER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| invalid)?;
        let seed = <[u8; 32]>::try_from(bytes.as_slice())
            .map(Zeroizing::new)
            .map_err(|_| invalid);
        bytes.zeroize();
        seed.map(Self)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seed(hidden)")
    }
}

/// A key in this process's memory, for development and tests.
pub struct LocalKey {
    // Parsed once, because parsing costs as much as signing.
    pair: Ed25519KeyPair,
    public_key: PublicKey,
}

impl LocalKey {
    /// The key for this seed.
    pub fn new(seed: &Seed) -> Result<Self, BackendError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed.0).map_err(|_| BackendError::Sign)?;
        let bytes = pair.public_key().as_ref().try_into().map_err(|_| BackendError::Sign)?;
        Ok(Self {
            pair,
            public_key: PublicKey(bytes),
        })
    }
}

impl Backend for LocalKey {
    fn public_key(&self) -> PublicKey {
        self.public_key
    }

    async fn sign(&self, bytes: &[u8]) -> Result<Signature, BackendError> {
        let signature = self.pair.try_sign(bytes).map_err(|_| BackendError::Sign)?;
        signature.as_ref().try_into().map_err(|_| BackendError::Sign)
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "LocalKey({})", self.public_key)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    #[tokio::test]
    async fn both_implementations_of_ed25519_agree() {
        for _ in 0..64 {
            let seed = Seed::generate().unwrap();
            let (ours, other) = (LocalKey::new(&seed).unwrap(), SigningKey::from_bytes(&seed.0));
            assert_eq!(ours.public_key().0, other.verifying_key().to_bytes());
            let message: [u8; 64] = random().unwrap();
            for length in [0, 1, 32, 41, 64] {
                let bytes = &message[..length];
                assert_eq!(ours.sign(bytes).await, Ok(other.sign(bytes).to_bytes()));
            }
        }
    }

    #[test]
    fn a_private_key_is_never_shown() {
        let seed = Seed::generate().unwrap();
        let key = LocalKey::new(&seed).unwrap();
        assert_eq!(format!("{seed:?}"), "Seed(hidden)");
        assert_eq!(format!("{key:?}"), format!("LocalKey({})", key.public_key()));
    }

    #[test]
    fn a_wrong_key_is_described_and_not_shown() {
        assert!("ab".repeat(32).parse::<Seed>().is_ok());
        assert_eq!(
            "ab".repeat(31).parse::<Seed>().unwrap_err().to_string(),
            "62 characters"
        );
        assert_eq!(
            "xyz".parse::<Seed>().unwrap_err().to_string(),
            "3 characters, not all of them hexadecimal digits"
        );
    }
}
