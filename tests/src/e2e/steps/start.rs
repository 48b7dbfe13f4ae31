//! From an empty cluster to a voter that signs, and an operator upgrade.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::super::Suite;
use super::super::cluster::{OPERATOR, PATIENCE, QUICKSTART};
use super::super::voter::token;
use super::change;
use crate::process::Directory;
use crate::{chart, eventually, workspace};

/// With the chart of the previous release, so that the upgrade is realistic.
pub async fn install(suite: &Suite) -> Result<()> {
    let before = Directory::new()?;
    let chart = chart::before(before.path())?;
    let started = Instant::now();
    suite.cluster.helm(&chart, suite.network.as_ref(), &[]).await?;
    suite.holds(&format!(
        "helm install to a ready operator: {} ms",
        started.elapsed().as_millis()
    ));
    suite.cluster.helm_test().await?;
    suite.holds("helm test: the cluster meets the operator's requirements");
    Ok(())
}

/// The example unchanged except for the node's image, and resumed as its files describe.
pub async fn quickstart(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    for file in ["00-namespace", "10-token-secret", "20-voter", "30-signerbinding"] {
        let path = workspace::root().join(format!("examples/quickstart/{file}.yaml"));
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = text.replace("ghcr.io/attocash/node:live", &cluster.image("voter"));
        cluster.apply_text(QUICKSTART, &text).await?;
    }
    let wait = ["wait", "signerbinding/voter", "--timeout=2m"];
    for condition in ["Injected", "Ready", "Signing"] {
        let for_it = format!("--for=condition={condition}");
        cluster
            .kubectl(&[&["--namespace", QUICKSTART], &wait[..], &[&for_it]].concat())
            .await?;
        if condition == "Injected" {
            let resume = ["rollout", "resume", "deployment/atto-voter"];
            cluster
                .kubectl(&[&["--namespace", QUICKSTART], &resume[..]].concat())
                .await?;
        }
    }
    cluster
        .kubectl(&["delete", "namespace", QUICKSTART, "--timeout=2m"])
        .await?;
    suite.holds(
        "examples/quickstart, applied as it is and resumed: Ready and Signing, and its namespace can be deleted",
    );
    Ok(())
}

pub async fn first_binding(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "voter"}});
    cluster.apply(&account).await?;
    cluster.apply(&token("token-1", "a")).await?;
    let mut manifest = suite.deployment();
    manifest["spec"]["replicas"] = json!(0);
    cluster.apply(&manifest).await?;
    cluster.apply(&suite.binding()).await?;
    cluster.condition("Injected", "True", "Injected").await?;
    let started = Instant::now();
    suite.scale(1).await?;
    cluster.condition("Ready", "True", "Ready").await?;
    let took = started.elapsed().as_millis();
    cluster.condition("Signing", "True", "Signing").await?;
    let pod = suite.ready_pod().await?;
    suite.signs(&pod, 20).await?;
    let row = cluster.in_namespace(&["get", "sb", "--output=wide"]).await?;
    ensure!(row.contains("atto://"), "no address in:\n{row}");
    let start = |statuses: &Value| statuses[0]["state"]["running"]["startedAt"].as_str().map(str::to_owned);
    let signer = start(&pod["status"]["initContainerStatuses"]).context("the signer does not run")?;
    let node = start(&pod["status"]["containerStatuses"]).context("the node does not run")?;
    ensure!(signer <= node, "the node started at {node}, its signer at {signer}");
    suite.holds(&format!(
        "a voter is Ready and Signing, its signer started first: {took} ms"
    ));
    Ok(())
}

/// An upgrade of the operator rolls no pods.
pub async fn upgrade(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let (sets, pod) = (cluster.replica_sets().await?, suite.ready_pod().await?);
    let before = leader(suite).await?;
    cluster
        .helm(
            &workspace::root().join("charts/signer-operator"),
            suite.network.as_ref(),
            &["--set=logLevel=debug"],
        )
        .await?;
    eventually(PATIENCE, "a new operator that leads", async || {
        let now = leader(suite).await?;
        ensure!(now != before && !now.is_empty(), "{now:?} leads");
        Ok(())
    })
    .await?;
    // A new generation with the same content, so that the new operator writes the status.
    change(suite, &json!({"spec": {"suspend": false}})).await?;
    cluster.condition("Ready", "True", "Ready").await?;
    ensure!(
        cluster.replica_sets().await? == sets,
        "the upgrade made another template"
    );
    ensure!(
        suite.ready_pod().await?["metadata"]["uid"] == pod["metadata"]["uid"],
        "the upgrade replaced the pod"
    );
    suite.holds("the chart is upgraded, and no voter restarts");
    Ok(())
}

/// Which operator holds the Lease.
pub async fn leader(suite: &Suite) -> Result<String> {
    let lease = ["get", "lease", OPERATOR, "--namespace", OPERATOR];
    let holder = ["--output=jsonpath={.spec.holderIdentity}"];
    suite.cluster.kubectl(&[&lease[..], &holder].concat()).await
}
