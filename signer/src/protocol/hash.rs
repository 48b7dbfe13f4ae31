use blake2::{Blake2b256, Blake2b512, Digest};

/// A `BLAKE2b` hash of 32 bytes: of a block or a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash256(pub [u8; 32]);

/// A `BLAKE2b` hash of 64 bytes: of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash512(pub [u8; 64]);

impl Hash256 {
    /// BLAKE2b-256 of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Blake2b256::digest(bytes).into())
    }
}

impl Hash512 {
    /// BLAKE2b-512 of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Blake2b512::digest(bytes).into())
    }
}

impl AsRef<[u8]> for Hash256 {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Hash512 {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
