//! The steps, in order. Each one ends with a voter that signs.

mod changes;
mod guarded;
mod leaving;
mod losses;
mod nodes;
mod pages;
mod restricted;
mod start;
mod vault;

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::Suite;
use super::cluster::PATIENCE;
use super::openbao;
use crate::{assets, eventually, workspace};

pub async fn all(suite: &Suite) -> Result<()> {
    openbao::bring(&suite.cluster).await?;
    start::install(suite).await?;
    restricted::pods(suite).await?;
    nodes::spread(suite).await?;
    start::quickstart(suite).await?;
    pages::all(suite).await?;
    start::first_binding(suite).await?;
    restricted::network(suite).await?;
    start::upgrade(suite).await?;
    changes::tokens(suite).await?;
    changes::changes(suite).await?;
    changes::image_that_does_not_exist(suite).await?;
    vault::all(suite).await?;
    guarded::all(suite).await?;
    losses::kms_goes_and_comes(suite).await?;
    losses::kms_absent_at_start(suite).await?;
    losses::pods_end(suite).await?;
    nodes::drained(suite).await?;
    leaving::removal(suite).await?;
    leaving::uninstall(suite).await
}

/// Steps without a stand-in: the real KMS cannot be made unavailable.
pub async fn in_google_cloud(suite: &Suite) -> Result<()> {
    start::install(suite).await?;
    restricted::pods(suite).await?;
    start::first_binding(suite).await?;
    start::upgrade(suite).await?;
    leaving::removal(suite).await?;
    leaving::uninstall(suite).await
}

/// A new template is rolled out and signs, and the previous pod lost no vote.
async fn rolled(suite: &Suite, sets: usize, reports: usize) -> Result<Value> {
    eventually(PATIENCE, "another template", async || {
        let now = suite.cluster.replica_sets().await?;
        ensure!(now == sets + 1, "{now} templates, {sets} before");
        Ok(())
    })
    .await?;
    let last = suite.cluster.next_report(reports).await?;
    ensure!(
        last["lost"] == 0 && last["invalid"] == 0 && last["pending"] == 0,
        "{last}"
    );
    suite.cluster.condition("Ready", "True", "Ready").await?;
    let pod = suite.ready_pod().await?;
    suite.signs(&pod, 20).await?;
    ensure!(suite.cluster.replica_sets().await? == sets + 1, "more than one rollout");
    Ok(pod)
}

/// Changes a value in the binding's spec.
async fn change(suite: &Suite, patch: &Value) -> Result<()> {
    let patch = patch.to_string();
    let command = ["patch", "signerbinding", "voter", "--type=merge", "--patch", &patch];
    suite.cluster.in_namespace(&command).await.map(drop)
}

/// Waits for an address in the binding's status.
async fn becomes(suite: &Suite, what: &str, is_so: impl Fn(&str) -> bool) -> Result<String> {
    eventually(PATIENCE, what, async || {
        let binding = suite.cluster.get("signerbinding", "voter").await?;
        let now = binding["status"]["address"].as_str().unwrap_or_default();
        ensure!(is_so(now), "{now}");
        Ok(now.to_owned())
    })
    .await
}

/// Runs commands in one shell, and returns their output.
async fn typed(suite: &Suite, whose: &str, commands: &str) -> Result<String> {
    let kubectl = &assets::kubernetes()?.kubectl;
    let mut programs = kubectl.parent().context("no folder of kubectl")?.as_os_str().to_owned();
    programs.push(":");
    programs.push(std::env::var_os("PATH").unwrap_or_default());
    let done = Command::new("bash")
        .args(["-eu", "-o", "pipefail", "-c", &format!("exec 2>&1\n{commands}")])
        .current_dir(workspace::root())
        .env("PATH", programs)
        .env("KUBECONFIG", suite.cluster.admin().path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("cannot run bash")?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    ensure!(
        done.status.success(),
        "the commands of {whose} ended with {}:\n{said}",
        done.status
    );
    Ok(said)
}
