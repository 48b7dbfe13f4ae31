//! Runs Helm as a person would.

use anyhow::Result;
use tokio::process::Command;

use crate::process::printed;
use crate::{Kubeconfig, assets};

/// Runs it without a cluster, and returns its output.
///
/// # Errors
/// With Helm's error.
pub async fn helm(arguments: &[&str]) -> Result<String> {
    run(program().await?, arguments).await
}

impl Kubeconfig {
    /// Runs it on the cluster, without the person's own settings, and returns its output.
    ///
    /// # Errors
    /// With Helm's error.
    pub async fn helm(&self, arguments: &[&str]) -> Result<String> {
        let mut command = program().await?;
        command.env("KUBECONFIG", self.path());
        for home in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(home, self.path().with_extension("helm"));
        }
        run(command, arguments).await
    }
}

async fn program() -> Result<Command> {
    // It may have to be built first.
    Ok(Command::new(tokio::task::spawn_blocking(assets::helm).await??))
}

async fn run(mut command: Command, arguments: &[&str]) -> Result<String> {
    printed(command.args(arguments), &format!("helm {}", arguments.join(" "))).await
}
