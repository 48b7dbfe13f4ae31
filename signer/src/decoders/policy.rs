//! The signed message is the one that the policy checked: separate code parses the canonical bytes and applies the rules again.

use std::time::Duration;

use super::OWN;
use crate::{
    http::requests,
    policy::{Capabilities, Policy, Rules},
    protocol::{Kind, Message, Network, PublicKey},
};

const NOW: i64 = 1_800_000_000_000;
const WINDOW: u64 = 60_000;
const RECEIVER: [u8; 32] = [0xAB; 32];
const REPRESENTATIVE: [u8; 32] = [0xCD; 32];
const MAX_AMOUNT: u64 = 1_000;
const PREFIX: &str = "wss://node.example";

fn rules() -> Rules {
    Rules {
        networks: Some(vec![Network::Beta]),
        block_types: Some(vec!["OPEN", "SEND", "CHANGE"]),
        max_amount_per_send: Some(MAX_AMOUNT),
        allowed_receivers: Some(vec![PublicKey(RECEIVER)]),
        representative: Some(PublicKey(REPRESENTATIVE)),
        vote_time_window: Some(Duration::from_millis(WINDOW)),
        challenge_uri_prefix: Some(PREFIX.to_owned()),
    }
}

/// `B`, `V` or `C` and the body of a block, a vote or a challenge. Returns whether the rules allow it.
pub fn policy(bytes: &[u8]) -> bool {
    match bytes.split_first() {
        Some((b'B', body)) => requests::block(body).is_ok_and(|block| {
            let bytes = block.canonical_bytes();
            judge(block, bytes.as_ref(), 5, allows_block)
        }),
        Some((b'V', body)) => requests::vote(body).is_ok_and(|vote| {
            let bytes = vote.canonical_bytes();
            judge(vote, bytes.as_ref(), 3, allows_vote)
        }),
        Some((b'C', body)) => requests::challenge(body, OWN).is_ok_and(|challenge| {
            let bytes = challenge.canonical_bytes();
            judge(challenge, &bytes, 0, allows_challenge)
        }),
        _ => false,
    }
}

/// `key` is the position of the public key in the canonical bytes.
fn judge<T: Message>(message: T, bytes: &[u8], key: usize, allows: fn(&[u8]) -> bool) -> bool {
    let is_allowed = rules().check(message.view(), NOW).is_ok();
    assert_eq!(is_allowed, allows(bytes), "{bytes:?}");
    let hash = message.hash().as_ref().to_vec();
    let signer = PublicKey(field(bytes, key));
    let everything = Kind::ALL.into_iter().fold(Capabilities::default(), Capabilities::with);
    let other = PublicKey(signer.0.map(|byte| !byte));
    let Err(denied) = Policy::new(everything, other).authorize(message, 0) else {
        panic!("another key signs this: {bytes:?}");
    };
    let Ok(authorized) = Policy::new(everything, signer).authorize(denied.message, 0) else {
        panic!("its own key does not sign this: {bytes:?}");
    };
    assert_eq!(
        authorized.message().hash().as_ref(),
        hash,
        "the allowed message is another one"
    );
    is_allowed
}

fn allows_block(bytes: &[u8]) -> bool {
    let (kind, network) = (bytes[0], bytes[1]);
    let is_right = match kind {
        0 => bytes.len() == 119 && field(bytes, 87) == REPRESENTATIVE,
        2 => bytes.len() == 134 && field(bytes, 94) == RECEIVER && u64::from_le_bytes(field(bytes, 126)) <= MAX_AMOUNT,
        3 => bytes.len() == 126 && field(bytes, 94) == REPRESENTATIVE,
        _ => false,
    };
    network == 1 && is_right
}

fn allows_vote(bytes: &[u8]) -> bool {
    let timestamp = i64::from_le_bytes(field(bytes, 68));
    timestamp == i64::MAX || timestamp.abs_diff(NOW) <= WINDOW
}

fn allows_challenge(bytes: &[u8]) -> bool {
    bytes[32..bytes.len() - 8].starts_with(PREFIX.as_bytes())
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a slice of its own length")
}
