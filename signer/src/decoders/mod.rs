//! Tests every decoder of outside data against properties that must hold for any bytes: it does not panic, its error messages are
//! short and harmless, and accepted data is the same after printing and parsing.
//!
//! Not part of the product: used by tests and by the fuzz targets in `fuzz/`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a decoder that does not hold what it promises ends the test"
)]

mod policy;
mod print;
#[cfg(test)]
mod tests;
mod trail;
mod vault;

use std::fmt::Debug;

use google_cloud_kms::model::{self, AsymmetricSignResponse};
use http::{HeaderMap, HeaderValue, header};

pub use policy::policy;
pub use trail::audit;
pub use vault::vault;

use crate::{
    backend::gcp::{answer, identity, public_key as key},
    config::file_tokens,
    http::requests,
    one_line::{MAX_LENGTH, is_shown},
    protocol::PublicKey,
    token::Token,
};

/// Tests one decoder, and returns whether it accepts the bytes.
pub type Decoder = fn(&[u8]) -> bool;

/// All decoders, by the names of the fuzz targets and of their seed directories.
pub const ALL: [(&str, Decoder); 10] = [
    ("block", block),
    ("vote", vote),
    ("challenge", challenge),
    ("public_key", public_key),
    ("signature", signature),
    ("audit", audit),
    ("policy", policy),
    ("token_file", token_file),
    ("metadata", metadata),
    ("vault", vault),
];

/// The key version that answers of KMS must name.
const NAME: &str = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
const OWN: PublicKey = PublicKey([7; 32]);
/// Maximum length of an error message about a body.
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

/// KMS' answer with a public key: JSON with a PEM.
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

/// KMS' answer with a signature: JSON.
pub fn signature(bytes: &[u8]) -> bool {
    let answer: Option<AsymmetricSignResponse> = serde_json::from_slice(bytes).ok();
    let Some(signature) = answer.and_then(|answer| answer::check(&answer, NAME).ok()) else {
        return false;
    };
    assert_eq!(answer::check(&print::signature(&signature), NAME), Ok(signature));
    true
}

/// A file of tokens. Each accepted token can be sent in a header.
pub fn token_file(bytes: &[u8]) -> bool {
    let Ok(tokens) = std::str::from_utf8(bytes).map_err(|_| "").and_then(file_tokens) else {
        return false;
    };
    assert_eq!(file_tokens(&tokens.join("\n")).as_ref(), Ok(&tokens));
    let accepted = Token::any_of(tokens.iter().copied());
    for token in &tokens {
        let value = HeaderValue::from_str(token).expect("a token fits into a header");
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
        assert!(token.len() >= 16 && accepted.is_carried_by(&headers), "{token:?}");
    }
    true
}

/// The metadata server's answer with an e-mail address, or a credential file. Shown text is one short line.
pub fn metadata(bytes: &[u8]) -> bool {
    let name = std::str::from_utf8(bytes).ok().and_then(identity::name);
    let in_file = identity::in_file(bytes);
    for shown in [&name, &in_file].into_iter().flatten() {
        assert!(
            shown.chars().count() <= MAX_LENGTH && shown.chars().all(is_shown),
            "{shown:?}"
        );
    }
    if let Some(name) = &name {
        assert_eq!(identity::name(name).as_ref(), Some(name));
    }
    name.is_some() || in_file.is_some()
}
