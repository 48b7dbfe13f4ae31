use super::{
    block::Block,
    challenge::Challenge,
    hash::{Hash256, Hash512},
    kind::Kind,
    public_key::PublicKey,
    vote::Vote,
};

/// A message that can be signed: the Ed25519 signature is over its hash.
pub trait Message: Send + Sync {
    /// The class of the message.
    const KIND: Kind;
    /// The hash that is signed.
    type Hash: AsRef<[u8]> + Send + Sync;
    /// The key that the message names as its signer.
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

impl Message for Block {
    const KIND: Kind = Kind::Block;
    type Hash = Hash256;

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn hash(&self) -> Hash256 {
        Hash256::of(self.canonical_bytes().as_ref())
    }

    fn view(&self) -> View<'_> {
        View::Block(self)
    }
}

impl Message for Vote {
    const KIND: Kind = Kind::Vote;
    type Hash = Hash256;

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn hash(&self) -> Hash256 {
        Hash256::of(self.canonical_bytes().as_ref())
    }

    fn view(&self) -> View<'_> {
        View::Vote(self)
    }
}

impl Message for Challenge {
    const KIND: Kind = Kind::Challenge;
    type Hash = Hash512;

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn hash(&self) -> Hash512 {
        Hash512::of(&self.canonical_bytes())
    }

    fn view(&self) -> View<'_> {
        View::Challenge(self)
    }
}
