use super::{
    canonical::Canonical,
    public_key::{ALGORITHM_V1, PublicKey},
};

/// Maximum of a balance or an amount, in raw units: the whole supply.
pub const MAX_AMOUNT: u64 = 18_000_000_000_000_000_000;

/// The network of a block. Its discriminant is the code in canonical bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Network {
    /// The network with value.
    Live = 0,
    /// The public test network.
    Beta = 1,
    /// The developers' network.
    Dev = 2,
    /// A network on one host.
    Local = 3,
}

impl Network {
    /// All networks, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Live, Self::Beta, Self::Dev, Self::Local];

    /// The name, as in the field `network`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "LIVE",
            Self::Beta => "BETA",
            Self::Dev => "DEV",
            Self::Local => "LOCAL",
        }
    }
}

/// A transaction: fields common to all types, and those of its type.
///
/// Canonical bytes: type (1), network (1), version (2), algorithm (1), public key (32), height (8, not OPEN), balance (8),
/// timestamp (8), previous (32, not OPEN), followed by the fields of the type. OPEN has 119 bytes, RECEIVE and CHANGE 126, SEND
/// 134.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The network of the block.
    pub network: Network,
    /// Version of the format.
    pub version: u16,
    /// The account.
    pub public_key: PublicKey,
    /// The account's balance after the block, in raw units, at most [`MAX_AMOUNT`].
    pub balance: u64,
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// The fields of its type.
    pub kind: BlockKind,
}

/// The position of a block in its account's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number in the chain.
    pub height: u64,
    /// The hash of the previous block.
    pub previous: [u8; 32],
}

/// The fields of a type of block. In canonical bytes, each key or hash takes an algorithm byte and 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// The first block of an account. Code 0.
    Open {
        /// Hash of the SEND that is received.
        send_hash: [u8; 32],
        /// The account's representative.
        representative: PublicKey,
    },
    /// Receives a SEND. Code 1.
    Receive {
        /// Its position in the chain.
        link: Link,
        /// Hash of the SEND that is received.
        send_hash: [u8; 32],
    },
    /// Sends an amount. Code 2.
    Send {
        /// Its position in the chain.
        link: Link,
        /// The receiving account.
        receiver: PublicKey,
        /// The amount in raw units, at most [`MAX_AMOUNT`].
        amount: u64,
    },
    /// Changes the representative. Code 3.
    Change {
        /// Its position in the chain.
        link: Link,
        /// The account's new representative.
        representative: PublicKey,
    },
}

impl BlockKind {
    /// The names of all types, in the order of their codes.
    pub const NAMES: [&'static str; 4] = ["OPEN", "RECEIVE", "SEND", "CHANGE"];

    /// The name, as in the field `type`.
    pub const fn name(&self) -> &'static str {
        Self::NAMES[self.code() as usize]
    }

    const fn code(&self) -> u8 {
        match self {
            Self::Open { .. } => 0,
            Self::Receive { .. } => 1,
            Self::Send { .. } => 2,
            Self::Change { .. } => 3,
        }
    }

    const fn link(&self) -> Option<&Link> {
        match self {
            Self::Open { .. } => None,
            Self::Receive { link, .. } | Self::Send { link, .. } | Self::Change { link, .. } => Some(link),
        }
    }
}

impl Block {
    /// The bytes that are hashed.
    pub fn canonical_bytes(&self) -> Canonical {
        let Self {
            network,
            version,
            public_key,
            balance,
            timestamp,
            kind,
        } = self;
        let mut bytes = Canonical::new()
            .put(&[kind.code(), *network as u8])
            .put(&version.to_le_bytes())
            .put(&[ALGORITHM_V1])
            .put(&public_key.0);
        if let Some(link) = kind.link() {
            bytes = bytes.put(&link.height.to_le_bytes());
        }
        bytes = bytes.put(&balance.to_le_bytes()).put(&timestamp.to_le_bytes());
        if let Some(link) = kind.link() {
            bytes = bytes.put(&link.previous);
        }
        bytes = bytes.put(&[ALGORITHM_V1]);
        match kind {
            BlockKind::Open {
                send_hash,
                representative,
            } => bytes.put(send_hash).put(&[ALGORITHM_V1]).put(&representative.0),
            BlockKind::Receive { link: _, send_hash } => bytes.put(send_hash),
            BlockKind::Send {
                link: _,
                receiver,
                amount,
            } => bytes.put(&receiver.0).put(&amount.to_le_bytes()),
            BlockKind::Change {
                link: _,
                representative,
            } => bytes.put(&representative.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_length_and_code() {
        let link = || Link {
            height: 2,
            previous: [3; 32],
        };
        let key = PublicKey([4; 32]);
        let kinds = [
            (
                BlockKind::Open {
                    send_hash: [5; 32],
                    representative: key,
                },
                119,
            ),
            (
                BlockKind::Receive {
                    link: link(),
                    send_hash: [5; 32],
                },
                126,
            ),
            (
                BlockKind::Send {
                    link: link(),
                    receiver: key,
                    amount: 6,
                },
                134,
            ),
            (
                BlockKind::Change {
                    link: link(),
                    representative: key,
                },
                126,
            ),
        ];
        for (code, (kind, length)) in (0..).zip(kinds) {
            let block = Block {
                network: Network::Local,
                version: 0x0102,
                public_key: key,
                balance: 1,
                timestamp: -1,
                kind,
            };
            let bytes = block.canonical_bytes();
            assert_eq!(bytes.as_ref().len(), length, "{block:?}");
            assert_eq!(bytes.as_ref()[..5], [code, 3, 2, 1, 0], "{block:?}");
        }
    }
}
