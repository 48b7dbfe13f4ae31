//! Converts JSON of the wire contract to typed messages.

use super::json::{Invalid, Object};
use crate::protocol::{Block, BlockKind, Challenge, Link, MAX_AMOUNT, Network, PublicKey, Vote};

type Fields<'a> = Object<'a, 16>;
type Read = fn(&Fields<'_>) -> Result<BlockKind, Invalid>;

/// The body of `POST /blocks`.
pub fn block(body: &[u8]) -> Result<Block, Invalid> {
    let target = Object::from_field_of_body(
        body,
        &["target"],
        "target.",
        &[
            "type",
            "network",
            "version",
            "algorithm",
            "publicKey",
            "height",
            "balance",
            "timestamp",
            "previous",
            "sendHashAlgorithm",
            "sendHash",
            "representativeAlgorithm",
            "representativePublicKey",
            "receiverAlgorithm",
            "receiverPublicKey",
            "amount",
        ],
    )?;
    let kinds: [(&str, Read); 4] = [("OPEN", open), ("RECEIVE", receive), ("SEND", send), ("CHANGE", change)];
    let read = target.one_of("type", &kinds)?;
    let networks = Network::ALL.map(|network| (network.name(), network));
    target.algorithm_v1("algorithm")?;
    Ok(Block {
        network: target.one_of("network", &networks)?,
        version: target.u16("version")?,
        public_key: PublicKey(target.bytes32("publicKey")?),
        balance: target.unsigned("balance", MAX_AMOUNT)?,
        timestamp: target.timestamp("timestamp")?,
        kind: read(&target)?,
    })
}

fn open(target: &Fields<'_>) -> Result<BlockKind, Invalid> {
    Ok(BlockKind::Open {
        send_hash: send_hash(target)?,
        representative: representative(target)?,
    })
}

fn receive(target: &Fields<'_>) -> Result<BlockKind, Invalid> {
    Ok(BlockKind::Receive {
        link: link(target)?,
        send_hash: send_hash(target)?,
    })
}

fn send(target: &Fields<'_>) -> Result<BlockKind, Invalid> {
    target.algorithm_v1("receiverAlgorithm")?;
    Ok(BlockKind::Send {
        link: link(target)?,
        receiver: PublicKey(target.bytes32("receiverPublicKey")?),
        amount: target.unsigned("amount", MAX_AMOUNT)?,
    })
}

fn change(target: &Fields<'_>) -> Result<BlockKind, Invalid> {
    Ok(BlockKind::Change {
        link: link(target)?,
        representative: representative(target)?,
    })
}

fn link(target: &Fields<'_>) -> Result<Link, Invalid> {
    Ok(Link {
        height: target.unsigned("height", u64::MAX)?,
        previous: target.bytes32("previous")?,
    })
}

fn send_hash(target: &Fields<'_>) -> Result<[u8; 32], Invalid> {
    target.algorithm_v1("sendHashAlgorithm")?;
    target.bytes32("sendHash")
}

fn representative(target: &Fields<'_>) -> Result<PublicKey, Invalid> {
    target.algorithm_v1("representativeAlgorithm")?;
    target.bytes32("representativePublicKey").map(PublicKey)
}

/// The body of `POST /votes`.
pub fn vote(body: &[u8]) -> Result<Vote, Invalid> {
    let target = Object::from_field_of_body(
        body,
        &["target"],
        "target.",
        &[
            "version",
            "algorithm",
            "publicKey",
            "blockAlgorithm",
            "blockHash",
            "timestamp",
        ],
    )?;
    target.algorithm_v1("algorithm")?;
    target.algorithm_v1("blockAlgorithm")?;
    Ok(Vote {
        version: target.u16("version")?,
        public_key: PublicKey(target.bytes32("publicKey")?),
        block_hash: target.bytes32("blockHash")?,
        timestamp: target.timestamp("timestamp")?,
    })
}

/// The body of `POST /challenges`. The message does not contain the key, which is always the signer's own.
pub fn challenge(body: &[u8], own: PublicKey) -> Result<Challenge, Invalid> {
    let request = Object::from_body(body, &["target", "timestamp"])?;
    let bytes = request.bytes("target", Challenge::MIN_LENGTH)?;
    Challenge::new(own, bytes, request.timestamp("timestamp")?)
        .map_err(|error| Invalid::new("target", "too few bytes", error.to_string()))
}
