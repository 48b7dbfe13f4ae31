use thiserror::Error;

use super::public_key::PublicKey;

/// A peer's request to prove that the node has its key.
///
/// Canonical bytes: public key (32), the challenge unchanged, timestamp (8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub(super) public_key: PublicKey,
    bytes: Vec<u8>,
    timestamp: i64,
}

/// A challenge of fewer than [`Challenge::MIN_LENGTH`] bytes.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a challenge has at least {} bytes", Challenge::MIN_LENGTH)]
pub struct ChallengeTooShort;

impl Challenge {
    /// Minimum number of bytes that is signed.
    pub const MIN_LENGTH: usize = 64;

    /// A challenge to the owner of this key at this time (milliseconds since the Unix epoch).
    ///
    /// # Errors
    /// The challenge has fewer than [`Challenge::MIN_LENGTH`] bytes.
    pub fn new(public_key: PublicKey, bytes: Vec<u8>, timestamp: i64) -> Result<Self, ChallengeTooShort> {
        if bytes.len() < Self::MIN_LENGTH {
            return Err(ChallengeTooShort);
        }
        Ok(Self {
            public_key,
            bytes,
            timestamp,
        })
    }

    /// The challenge unchanged.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes that are hashed.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32 + self.bytes.len() + 8);
        bytes.extend_from_slice(&self.public_key.0);
        bytes.extend_from_slice(&self.bytes);
        bytes.extend_from_slice(&self.timestamp.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_three_bytes_are_too_few() {
        let key = PublicKey([1; 32]);
        assert_eq!(Challenge::new(key, vec![0; 63], 0), Err(ChallengeTooShort));
        assert!(Challenge::new(key, vec![0; 64], 0).is_ok());
    }
}
