//! What is signed.

use aws_lc_rs::rand;
use data_encoding::HEXUPPER;
use ed25519_dalek::VerifyingKey;
use signer::protocol::{Message as _, PublicKey, Vote};

/// A request to sign, and what the signature has to be over.
#[derive(Clone, Debug)]
pub struct Message {
    /// `/votes`, `/blocks` or `/challenges`.
    pub path: &'static str,
    /// The JSON that is sent.
    pub body: String,
    /// What the signature is over.
    pub hash: Vec<u8>,
}

/// A final vote of this key on a block that nobody ever voted on.
///
/// # Panics
/// When the operating system has no random numbers.
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
