//! Every decoder of what others send, held to what has to be true of any bytes at all: it does not panic, its complaints are
//! short and harmless, and what it takes is the same after being printed and read again.
//!
//! No part of the product: it is there for tests and for the fuzz targets in `fuzz/`.

mod print;
#[cfg(test)]
mod tests;

use std::fmt::Debug;

use google_cloud_kms::model::{self, AsymmetricSignResponse};

use crate::{
    backend::gcp::{answer, public_key as key},
    http::requests,
    protocol::PublicKey,
};

/// Holds one decoder to all this, and says whether it takes the bytes.
pub type Decoder = fn(&[u8]) -> bool;

/// All of them, under the names of the fuzz targets and of the directories of their seeds.
pub const ALL: [(&str, Decoder); 5] = [
    ("block", block),
    ("vote", vote),
    ("challenge", challenge),
    ("public_key", public_key),
    ("signature", signature),
];

/// The key version that answers of KMS have to name.
const NAME: &str = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
const OWN: PublicKey = PublicKey([7; 32]);
/// The longest complaint about a body.
const MAX_COMPLAINT: usize = 400;

/// The body of `POST /blocks`.
pub fn block(bytes: &[u8]) -> bool {
    request(bytes, requests::block, print::block)
}

/// The body of `POST /votes`.
pub fn vote(bytes: &[u8]) -> bool {
    request(bytes, requests::vote, print::vote)
}

/// The body of `POST /challenges`.
pub fn challenge(bytes: &[u8]) -> bool {
    request(bytes, |bytes| requests::challenge(bytes, OWN), print::challenge)
}

fn request<T: Debug + PartialEq, E: Debug + ToString + PartialEq>(
    bytes: &[u8],
    read: impl Fn(&[u8]) -> Result<T, E>,
    print: impl Fn(&T) -> String,
) -> bool {
    match read(bytes) {
        Ok(message) => {
            assert_eq!(read(print(&message).as_bytes()), Ok(message));
            true
        }
        Err(error) => {
            let complaint = error.to_string();
            assert!(complaint.len() <= MAX_COMPLAINT, "{complaint}");
            assert!(!complaint.chars().any(char::is_control), "{complaint:?}");
            false
        }
    }
}

/// KMS's answer with a public key: JSON, with a PEM in it.
pub fn public_key(bytes: &[u8]) -> bool {
    let pem = std::str::from_utf8(bytes).ok().and_then(key::from_pem);
    let answer: Option<model::PublicKey> = serde_json::from_slice(bytes).ok();
    let in_answer = answer.and_then(|answer| key::read(&answer, NAME).ok());
    for key in [pem, in_answer].into_iter().flatten() {
        let pem = print::pem(key);
        assert_eq!(key::from_pem(&pem), Some(key));
        assert_eq!(key::read(&print::public_key(&pem), NAME), Ok(key));
    }
    pem.is_some() || in_answer.is_some()
}

/// KMS's answer with a signature: JSON.
pub fn signature(bytes: &[u8]) -> bool {
    let answer: Option<AsymmetricSignResponse> = serde_json::from_slice(bytes).ok();
    let Some(signature) = answer.and_then(|answer| answer::check(&answer, NAME).ok()) else {
        return false;
    };
    assert_eq!(answer::check(&print::signature(&signature), NAME), Ok(signature));
    true
}
