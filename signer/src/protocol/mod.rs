//! What Atto signs: typed messages, their canonical bytes and the hashes of those. No IO, no async, no serde.
//!
//! All integers in canonical bytes are little-endian.

mod address;
mod block;
mod canonical;
mod challenge;
mod hash;
mod public_key;
mod vote;

pub use address::{Address, AddressError};
pub use block::{Block, BlockKind, Link, Network};
pub use canonical::Canonical;
pub use challenge::{Challenge, ChallengeTooShort};
pub use hash::{Hash256, Hash512};
pub use public_key::PublicKey;
pub use vote::Vote;

/// The code of the only algorithm there is, `V1` (Ed25519 keys, `BLAKE2b` hashes).
pub const ALGORITHM_V1: u8 = 0;

/// The most that a balance or an amount can be, in raw units: the whole supply.
pub const MAX_AMOUNT: u64 = 18_000_000_000_000_000_000;

/// The three classes of messages that a voter signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A transaction of the account itself.
    Block,
    /// A vote on somebody's block.
    Vote,
    /// The proof, asked for by a peer, that the node holds its key.
    Challenge,
}

impl Kind {
    /// All kinds, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::Block, Self::Vote, Self::Challenge];

    /// The name of the capability that allows this kind, upper-case as in `ATTO_SIGNER_CAPABILITIES`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Block => "BLOCK",
            Self::Vote => "VOTE",
            Self::Challenge => "CHALLENGE",
        }
    }
}

/// A message that can be signed: the Ed25519 signature is over its hash.
pub trait Message: Send + Sync {
    /// Which class of messages this is.
    const KIND: Kind;
    /// What the signature is over.
    type Hash: AsRef<[u8]> + Send + Sync;
    /// The key that the message says it is signed with.
    fn public_key(&self) -> &PublicKey;
    /// The hash of the canonical bytes.
    fn hash(&self) -> Self::Hash;
    /// The message with its class.
    fn view(&self) -> View<'_>;
}

/// A message of any class.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    /// A block.
    Block(&'a Block),
    /// A vote.
    Vote(&'a Vote),
    /// A challenge.
    Challenge(&'a Challenge),
}
