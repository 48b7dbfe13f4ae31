//! Real Helm, as a person runs it.

use anyhow::Result;
use tokio::process::Command;

use crate::process::printed;
use crate::{Kubeconfig, assets};

/// Runs it without a cluster; returns what it prints.
///
/// # Errors
/// With what Helm says when it refuses.
pub async fn helm(arguments: &[&str]) -> Result<String> {
    run(program().await?, arguments).await
}

impl Kubeconfig {
    /// Runs it on the cluster, with nothing of the person's own around it; returns what it prints.
    ///
    /// # Errors
    /// With what Helm says when it refuses.
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
