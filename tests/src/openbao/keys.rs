//! Keys of the transit engine in OpenBao.

use anyhow::{Context, Result};
use data_encoding::BASE64;
use ed25519_dalek::VerifyingKey;
use serde_json::Value;

use super::{MOUNT, OpenBao};

/// The public half of a version, from the output of `bao read -format=json` about a key.
///
/// # Errors
/// If there is no such version.
pub fn version_of(key: &Value, version: u32) -> Result<VerifyingKey> {
    let text = key["data"]["keys"][version.to_string()]["public_key"].as_str();
    let text = text.with_context(|| format!("no version {version}: {key}"))?;
    let bytes = BASE64.decode(text.as_bytes())?;
    Ok(VerifyingKey::from_bytes(bytes.as_slice().try_into()?)?)
}

impl OpenBao {
    /// Creates an Ed25519 key, and returns the public half of its first version.
    ///
    /// # Errors
    /// The name is in use.
    pub fn create_key(&self, name: &str) -> Result<VerifyingKey> {
        self.create_key_with(name, &["type=ed25519"])?;
        self.public_key(name, 1)
    }

    /// Creates a key of any kind, such as `type=rsa-2048`.
    ///
    /// # Errors
    /// The name is in use.
    pub fn create_key_with(&self, name: &str, settings: &[&str]) -> Result<()> {
        let path = format!("{MOUNT}/keys/{name}");
        self.bao(&[&["write", "-f", path.as_str()], settings].concat())
            .map(|_| ())
    }

    /// The public half of a version of an Ed25519 key.
    ///
    /// # Errors
    /// If there is no such version.
    pub fn public_key(&self, name: &str, version: u32) -> Result<VerifyingKey> {
        let key = self.bao_json(&["read", "-format=json", &format!("{MOUNT}/keys/{name}")])?;
        version_of(&key, version)
    }

    /// Creates another version, which signs from now on unless a request names an older one.
    ///
    /// # Errors
    /// OpenBao refuses.
    pub fn rotate(&self, name: &str) -> Result<()> {
        self.bao(&["write", "-f", &format!("{MOUNT}/keys/{name}/rotate")])
            .map(|_| ())
    }

    /// Changes settings of a key, such as `min_encryption_version=2`.
    ///
    /// # Errors
    /// OpenBao refuses.
    pub fn configure_key(&self, name: &str, settings: &[&str]) -> Result<()> {
        let path = format!("{MOUNT}/keys/{name}/config");
        self.bao(&[&["write", path.as_str()], settings].concat()).map(|_| ())
    }
}
