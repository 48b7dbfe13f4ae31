//! The process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::assets::ministack;
use crate::eventually;
use crate::process::{Directory, Port, Process};
use crate::signer_process::get;

/// It takes half a second on an idle computer.
const PATIENCE: Duration = Duration::from_mins(1);

/// KMS and STS on a free loopback port. It ends when this value is dropped.
#[derive(Debug)]
pub struct Ministack {
    process: Process,
    port: Port,
    _directory: Directory,
}

impl Ministack {
    /// Starts ministack without keys, and installs it first if necessary.
    ///
    /// # Errors
    /// ministack cannot be installed, or does not answer within a minute. The error contains its log.
    pub async fn start() -> Result<Self> {
        let packages = ministack()?;
        let (port, directory) = (Port::reserve()?, Directory::new()?);
        let log = directory.path().join("ministack.log");
        let process = Process::start(Path::new("/bin/sh"), &log, directory.lifeline(), |command| {
            command
                .args(["-c", "cd \"$HOME\" && exec python3 -m ministack"])
                .env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap_or_default())
                .env("HOME", directory.path())
                .env("PYTHONPATH", packages)
                .env("PYTHONDONTWRITEBYTECODE", "1")
                // The default is all addresses.
                .env("BIND_HOST", Ipv4Addr::LOCALHOST.to_string())
                .env("GATEWAY_PORT", port.number().to_string())
                .env("SFTP_ENABLED", "0")
                .env("IOT_MTLS_ENABLED", "0");
        })?;
        let mut server = Self {
            process,
            port,
            _directory: directory,
        };
        eventually(PATIENCE, "ministack answers", async || {
            server.process.still_runs()?;
            let answer = get(server.port.number(), "/_ministack/health");
            ensure!(
                answer.is_ok_and(|answer| answer.status == 200),
                "{}",
                server.process.last_lines()
            );
            Ok(())
        })
        .await?;
        Ok(server)
    }

    /// For a front.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    pub(super) fn port(&self) -> u16 {
        self.port.number()
    }
}
