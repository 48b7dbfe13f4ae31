//! The measurements of `make bench` with real pods.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::Suite;
use super::cluster::{Cluster, NAMESPACE, PATIENCE};
use super::voter::token;
use crate::{eventually, workspace};

/// Starts of a pod, with and without a signer.
const STARTS: usize = 5;

/// The results.
pub struct Figures {
    /// From `helm install` to an operator that is Ready, in seconds.
    pub install: f64,
    /// From a binding to its `Ready`, in seconds, with a voter that ran without a signer.
    pub binding: f64,
    /// From scaling up to the start of the node's process, in seconds.
    pub without: Vec<f64>,
    /// From scaling up to the start of the node's process, with a signer before it, in seconds.
    pub with: Vec<f64>,
    /// Memory of the signer's container, in bytes, at 20 votes a second.
    pub memory: u64,
}

/// Installs, binds, starts and measures.
///
/// # Errors
/// The step that failed, with the state of the cluster.
pub async fn figures() -> Result<Figures> {
    let (cluster, google) = Cluster::with_google().await?;
    let suite = Suite::with_google(cluster, &google);
    let seen = seen(&suite).await;
    suite.end(seen).await
}

async fn seen(suite: &Suite) -> Result<Figures> {
    let cluster = &suite.cluster;
    let started = Instant::now();
    cluster
        .helm(&workspace::root().join("charts/signer-operator"), None, &[])
        .await?;
    let install = started.elapsed().as_secs_f64();
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "voter"}});
    cluster.apply(&account).await?;
    cluster.apply(&token("token-1", "a")).await?;
    cluster.apply(&suite.deployment()).await?;
    let without = starts(suite).await?;
    let started = Instant::now();
    cluster.apply(&suite.binding()).await?;
    cluster
        .in_namespace(&["wait", "signerbinding/voter", "--for=condition=Ready", "--timeout=2m"])
        .await?;
    let binding = started.elapsed().as_secs_f64();
    let with = starts(suite).await?;
    Ok(Figures {
        install,
        binding,
        without,
        with,
        memory: memory(suite).await?,
    })
}

/// The time from scaling up to the start of the node's process, several times.
async fn starts(suite: &Suite) -> Result<Vec<f64>> {
    let mut seconds = vec![];
    for _ in 0..STARTS {
        suite.scale(0).await?;
        eventually(PATIENCE, "no pod", async || {
            let pods = ["get", "pods", "--selector=app=voter", "--output=name"];
            let found = suite.cluster.in_namespace(&pods).await?;
            ensure!(found.is_empty(), "{found}");
            Ok(())
        })
        .await?;
        let wished = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        suite.scale(1).await?;
        let counts = suite.counts(&suite.ready_pod().await?).await?;
        let began = counts["began"]
            .as_f64()
            .context("the voter does not say when it began")?;
        seconds.push(began / 1_000.0 - wished);
    }
    Ok(seconds)
}

/// As the kubelet measures it.
async fn memory(suite: &Suite) -> Result<u64> {
    let pod = suite.ready_pod().await?;
    suite.signs(&pod, 200).await?;
    // The kubelet measures periodically. Its earlier values are from the start of the process.
    let signed = Timestamp::now();
    let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
    let path = format!("/api/v1/nodes/{node}/proxy/stats/summary");
    eventually(PATIENCE, "the memory of the signer's container", async || {
        let summary: Value = serde_json::from_str(&suite.cluster.kubectl(&["get", "--raw", &path]).await?)?;
        let pods = summary["pods"].as_array().cloned().unwrap_or_default();
        let of_voter = pods
            .iter()
            .find(|one| one["podRef"]["namespace"] == NAMESPACE && one["podRef"]["name"] == pod["metadata"]["name"]);
        let containers = of_voter.and_then(|one| one["containers"].as_array());
        let mut signers = containers.into_iter().flatten().filter(|one| one["name"] == "signer");
        let memory = signers
            .next()
            .map(|one| &one["memory"])
            .context("no signer in the summary")?;
        let seen: Timestamp = memory["time"].as_str().unwrap_or_default().parse()?;
        ensure!(seen > signed, "seen at {seen}, before the votes were signed");
        let bytes = memory["workingSetBytes"].as_u64();
        bytes.with_context(|| format!("not in the summary of {node}"))
    })
    .await
}
