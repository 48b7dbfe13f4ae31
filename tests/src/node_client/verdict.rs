//! What an attempt's end means to the node.

use data_encoding::HEXUPPER_PERMISSIVE;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::de::DeserializeOwned;

use super::exchange::Failure;
use super::reply::Reply;

/// Why a signature will never be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The status that ended it.
    Status(u16),
    /// The signature is not one of this key over this hash.
    Invalid,
}

/// Go on, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// What was asked for.
    Answered(T),
    /// Ask again after the pause; with the status, where there was one.
    Again(Option<u16>),
    /// Never ask again.
    Lost(u16),
}

pub(super) fn of<T: DeserializeOwned>(reply: Result<Reply, Failure>) -> Verdict<T> {
    let Ok(Reply { status, is_json, body }) = reply else {
        return Verdict::Again(None);
    };
    match status {
        408 | 429 => Verdict::Again(Some(status)),
        400.. => Verdict::Lost(status),
        200 if is_json => serde_json::from_slice(&body).map_or(Verdict::Again(Some(status)), Verdict::Answered),
        _ => Verdict::Again(Some(status)),
    }
}

pub(super) fn verify(signature: &str, hash: &[u8], key: &VerifyingKey) -> Result<[u8; 64], Loss> {
    let bytes = HEXUPPER_PERMISSIVE
        .decode(signature.as_bytes())
        .map_err(|_| Loss::Invalid)?;
    let bytes: [u8; 64] = bytes.try_into().map_err(|_| Loss::Invalid)?;
    let verified = key.verify_strict(hash, &Signature::from_bytes(&bytes));
    verified.map(|()| bytes).map_err(|_| Loss::Invalid)
}
