use super::{
    canonical::Canonical,
    public_key::{ALGORITHM_V1, PublicKey},
};

/// A vote on a block.
///
/// Canonical bytes (76): version (2), algorithm (1), public key (32), block algorithm (1), block hash (32), timestamp (8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The version of the format.
    pub version: u16,
    /// The voter.
    pub public_key: PublicKey,
    /// Hash of the block.
    pub block_hash: [u8; 32],
    /// Milliseconds since the Unix epoch; `i64::MAX` makes the vote final.
    pub timestamp: i64,
}

impl Vote {
    /// Whether the vote is final.
    pub const fn is_final(&self) -> bool {
        self.timestamp == i64::MAX
    }

    /// The bytes that are hashed.
    pub fn canonical_bytes(&self) -> Canonical {
        let Self {
            version,
            public_key,
            block_hash,
            timestamp,
        } = self;
        Canonical::new()
            .put(&version.to_le_bytes())
            .put(&[ALGORITHM_V1])
            .put(&public_key.0)
            .put(&[ALGORITHM_V1])
            .put(block_hash)
            .put(&timestamp.to_le_bytes())
    }
}
