/// The three classes of messages that a voter signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A transaction of the account.
    Block,
    /// A vote on a block.
    Vote,
    /// The proof, requested by a peer, that the node has its key.
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
