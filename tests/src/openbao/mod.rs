//! The official OpenBao on loopback, for one test. It ends when this value is dropped. Like people, this code uses its own
//! command.

mod keys;
mod logins;
mod server;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::{Directory, Port, Process};

pub use keys::version_of;
pub use logins::{Method, voter_policy};

/// Where the transit engine is mounted.
pub const MOUNT: &str = "transit";

/// A server. Its content is lost with it; see [`OpenBao::start_durable`].
pub struct OpenBao {
    process: Mutex<Option<Process>>,
    directory: Directory,
    port: Port,
    kind: Kind,
    root: String,
    unseal_key: String,
}

/// How a server is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// In memory, with plain HTTP.
    Memory,
    /// In memory, with a certificate of its own authority.
    Tls,
    /// In a folder, with plain HTTP.
    Folder,
}

impl OpenBao {
    /// Starts a server in memory, with plain HTTP and a transit engine.
    ///
    /// # Errors
    /// The server does not answer within a minute. The error contains its log.
    pub async fn start() -> Result<Self> {
        Self::of(Kind::Memory).await
    }

    /// Starts a server in memory with a certificate: [`OpenBao::authority`].
    ///
    /// # Errors
    /// As [`OpenBao::start`].
    pub async fn start_with_tls() -> Result<Self> {
        Self::of(Kind::Tls).await
    }

    /// Starts a server with plain HTTP, in a folder: [`OpenBao::restart`] keeps its content.
    ///
    /// # Errors
    /// As [`OpenBao::start`].
    pub async fn start_durable() -> Result<Self> {
        Self::of(Kind::Folder).await
    }

    /// `http://127.0.0.1:PORT`, or `https`.
    pub fn url(&self) -> String {
        let scheme = if self.kind == Kind::Tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address())
    }

    /// The address of the server.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port.number()))
    }

    /// The PEM file of its certificate's authority.
    pub fn authority(&self) -> PathBuf {
        self.directory.path().join("tls/vault-ca.pem")
    }

    /// The root token.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// A folder that is removed with it.
    pub fn folder(&self) -> &Path {
        self.directory.path()
    }

    /// Runs `bao` as root with these arguments, and returns its output.
    ///
    /// # Errors
    /// `bao` fails.
    pub fn bao(&self, arguments: &[&str]) -> Result<String> {
        self.bao_as(&self.root, arguments)
    }

    /// Runs `bao` with another token.
    ///
    /// # Errors
    /// `bao` fails.
    pub fn bao_as(&self, token: &str, arguments: &[&str]) -> Result<String> {
        let output = self
            .command(token)?
            .args(arguments)
            .output()
            .context("cannot run bao")?;
        ensure!(
            output.status.success(),
            "bao {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The JSON output of a command. The flag `-format=json` follows its first word, or its first two.
    ///
    /// # Errors
    /// `bao` fails.
    pub fn bao_json(&self, arguments: &[&str]) -> Result<Value> {
        Ok(serde_json::from_str(&self.bao(arguments)?)?)
    }

    fn command(&self, token: &str) -> Result<Command> {
        let mut command = Command::new(crate::assets::openbao()?);
        command
            .env_clear()
            .env("HOME", self.directory.path())
            .env("BAO_ADDR", self.url())
            .env("BAO_TOKEN", token)
            .stdin(Stdio::null());
        if self.kind == Kind::Tls {
            command.env("BAO_CACERT", self.authority());
        }
        Ok(command)
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
