//! The node's reaction to the end of an attempt.

use data_encoding::HEXUPPER_PERMISSIVE;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::de::DeserializeOwned;

use super::exchange::Failure;
use super::reply::Reply;

/// Why a signature is never requested again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The status of the answer.
    Status(u16),
    /// The signature is not valid for this key and hash.
    Invalid,
}

/// Continue, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// The requested result.
    Answered(T),
    /// Retry after the pause. Contains the status if there was one.
    Again(Option<u16>),
    /// Never retry.
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
