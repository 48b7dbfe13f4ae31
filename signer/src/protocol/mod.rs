//! The messages that Atto signs, their canonical bytes and hashes. No IO, no async, no serde.
//!
//! All integers in canonical bytes are little-endian.

mod address;
mod block;
mod canonical;
mod challenge;
mod hash;
mod kind;
mod message;
mod public_key;
mod vote;

pub use address::{Address, AddressError};
pub use block::{Block, BlockKind, Link, MAX_AMOUNT, Network};
pub use canonical::Canonical;
pub use challenge::{Challenge, ChallengeTooShort};
pub use hash::{Hash256, Hash512};
pub use kind::Kind;
pub use message::{Message, View};
pub use public_key::{ALGORITHM_V1, PublicKey};
pub use vote::Vote;
