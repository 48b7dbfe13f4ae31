//! The messages to sign.

use aws_lc_rs::rand;
use data_encoding::HEXUPPER;
use ed25519_dalek::VerifyingKey;
use signer::protocol::{Message as _, PublicKey, Vote};

/// A signature request, and the hash that must be signed.
#[derive(Clone, Debug)]
pub struct Message {
    /// `/votes`, `/blocks` or `/challenges`.
    pub path: &'static str,
    /// The request body in JSON.
    pub body: String,
    /// The hash that must be signed.
    pub hash: Vec<u8>,
}

/// A final vote of this key on a random block.
///
/// # Panics
/// If the operating system provides no random numbers.
pub fn random_vote(key: &VerifyingKey) -> Message {
    let mut block_hash = [0; 32];
    rand::fill(&mut block_hash).expect("the operating system gives random numbers");
    let vote = Vote {
        version: 0,
        public_key: PublicKey(key.to_bytes()),
        block_hash,
        timestamp: i64::MAX,
    };
    let body = format!(
        r#"{{"target":{{"version":0,"algorithm":"V1","publicKey":"{}","blockAlgorithm":"V1","blockHash":"{}","timestamp":{}}}}}"#,
        vote.public_key,
        HEXUPPER.encode(&block_hash),
        vote.timestamp,
    );
    Message {
        path: "/votes",
        body,
        hash: vote.hash().as_ref().to_vec(),
    }
}
