//! Atto's own library (`@attocash/commons-core`, npm) as an oracle: random requests to sign and what it makes of them.

mod check;
mod generator;
mod message;

use anyhow::Result;
use serde::Deserialize;

pub use check::check;
pub use generator::generate;

/// The first requests of the generator, committed, so that no test needs Node.js.
pub const SAMPLE: &str = include_str!("../../vectors/oracle-sample.json");

/// How many those are.
pub const SAMPLED: usize = 500;

/// What the generator writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Who signs.
    pub keys: Vec<Key>,
    /// What is signed.
    pub requests: Vec<Request>,
}

/// A key pair as the library knows it.
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

/// One request, and the library's answer to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Which of the keys signs it.
    pub key: usize,
    /// `/blocks`, `/votes` or `/challenges`.
    pub path: String,
    /// The kind of a block, `VOTE` or `CHALLENGE`.
    pub kind: String,
    /// What is sent.
    pub body: String,
    /// What is signed, in hex.
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

/// Reads what the generator writes.
///
/// # Errors
/// When it is of another form.
pub fn read(text: &str) -> Result<Document> {
    Ok(serde_json::from_str(text)?)
}
