//! Atto's own library (`@attocash/commons-core`, npm) as an oracle: random requests to sign, with its results.

mod check;
mod generator;
mod message;

use anyhow::Result;
use serde::Deserialize;

pub use check::check;
pub use generator::generate;

/// The first requests of the generator, committed, so that no test needs Node.js.
pub const SAMPLE: &str = include_str!("../../vectors/oracle-sample.json");

/// Their number.
pub const SAMPLED: usize = 500;

/// The generator's output.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The signing keys.
    pub keys: Vec<Key>,
    /// The requests to sign.
    pub requests: Vec<Request>,
}

/// A key pair in the library's format.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Key {
    /// 64 hex digits.
    pub private_key: String,
    /// 64 hex digits.
    pub public_key: String,
    /// `atto://…`
    pub address: String,
}

/// A request, with the library's result.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Index of the signing key.
    pub key: usize,
    /// `/blocks`, `/votes` or `/challenges`.
    pub path: String,
    /// The kind of a block, `VOTE` or `CHALLENGE`.
    pub kind: String,
    /// The request body.
    pub body: String,
    /// The signed hash, in hexadecimal digits.
    pub hash: String,
    /// 128 hex digits.
    pub signature: String,
    /// A key that signs nothing, for its address.
    pub stranger: Stranger,
}

/// A public key and its address.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stranger {
    /// 64 hex digits.
    pub public_key: String,
    /// `atto://…`
    pub address: String,
}

/// Parses the generator's output.
///
/// # Errors
/// The output has another format.
pub fn read(text: &str) -> Result<Document> {
    Ok(serde_json::from_str(text)?)
}
