//! A pod's token in a file, as the kubelet writes it.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::Value;

use crate::control_plane::ControlPlane;
use crate::process::Directory;

/// The ServiceAccount of a test's pods.
pub const ACCOUNT: &str = "voter";

/// A ServiceAccount in a separate namespace, and a file for its token.
pub struct Identity {
    pub namespace: String,
    directory: Directory,
}

impl Identity {
    /// In the shared control plane.
    ///
    /// # Errors
    /// The control plane does not run, or refuses.
    pub async fn new() -> Result<Self> {
        let control_plane = ControlPlane::shared().await?;
        let namespace = control_plane.namespace("identity").await?;
        control_plane.create_account(&namespace, ACCOUNT).await?;
        Ok(Self {
            namespace,
            directory: Directory::new()?,
        })
    }

    /// The path of the token.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("token")
    }

    /// A token for this audience, valid for an hour.
    ///
    /// # Errors
    /// If the API server refuses.
    pub async fn token(&self, audience: &str) -> Result<String> {
        let control_plane = ControlPlane::shared().await?;
        control_plane.token(&self.namespace, ACCOUNT, audience).await
    }

    /// Writes this into the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, text: &str) -> Result<()> {
        Ok(fs::write(self.file(), text)?)
    }

    /// Writes a token for this audience, as the kubelet would.
    ///
    /// # Errors
    /// If the API server refuses.
    pub async fn project(&self, audience: &str) -> Result<String> {
        let token = self.token(audience).await?;
        self.write(&token)?;
        Ok(token)
    }
}

/// The issuer of the cluster's tokens, and its public keys.
///
/// # Errors
/// If the API server does not return them.
pub async fn issuer() -> Result<(String, Value)> {
    let client = ControlPlane::shared().await?.client().await?;
    let get = async |path: &str| -> Result<Value> {
        let request = http::Request::get(path).body(Vec::new())?;
        Ok(serde_json::from_str(&client.request_text(request).await?)?)
    };
    let discovery = get("/.well-known/openid-configuration").await?;
    let issuer = discovery["issuer"].as_str().unwrap_or_default().to_owned();
    Ok((issuer, get("/openid/v1/jwks").await?))
}
