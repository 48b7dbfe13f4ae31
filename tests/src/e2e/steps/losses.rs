//! Failures and recoveries: of KMS, pods, operators, the node.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::super::Suite;
use super::super::cluster::{OPERATOR, PATIENCE};
use super::{change, rolled};
use crate::eventually;

pub async fn kms_goes_and_comes(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let pod = suite.ready_pod().await?;
    let since = ready_since(&pod);
    cluster.kms_goes().await?;
    cluster.condition("Signing", "False", "BackendDown").await?;
    cluster.kms_comes().await?;
    let counts = suite.signs(&pod, 100).await?;
    eventually(PATIENCE, "no vote that waits for long", async || {
        let counts = suite.counts(&pod).await?;
        let field = |name: &str| counts[name].as_u64().unwrap_or_default();
        ensure!(
            field("wished") - field("signed") <= 20 && field("lost") == 0,
            "{counts}"
        );
        Ok(())
    })
    .await?;
    cluster.condition("Signing", "True", "Signing").await?;
    let after = suite.ready_pod().await?;
    ensure!(after["metadata"]["uid"] == pod["metadata"]["uid"], "another pod");
    ensure!(ready_since(&after) == since, "the pod was not Ready in between");
    let restarts = |pod: &Value| {
        ["initContainerStatuses", "containerStatuses"].map(|list| pod["status"][list][0]["restartCount"].as_u64())
    };
    ensure!(restarts(&after) == [Some(0), Some(0)], "{:?}", restarts(&after));
    suite.holds(&format!(
        "KMS is unavailable for a while: no vote lost ({} signed late), the pod always Ready, no restart",
        counts["late"]
    ));
    Ok(())
}

pub async fn kms_absent_at_start(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let before = suite.ready_pod().await?;
    cluster.kms_goes().await?;
    let name = before["metadata"]["name"].as_str().unwrap_or_default();
    cluster.in_namespace(&["delete", "pod", name, "--wait=false"]).await?;
    eventually(PATIENCE, "a signer that waits for KMS", async || {
        let pods = cluster.pods().await?;
        let pod = pods.first().context("no pod")?;
        let signer = &pod["status"]["initContainerStatuses"][0];
        ensure!(
            signer["state"]["running"].is_object() && signer["started"] != true,
            "{signer}"
        );
        let node = &pod["status"]["containerStatuses"][0]["state"];
        ensure!(node["waiting"]["reason"] == "PodInitializing", "{node}");
        Ok(())
    })
    .await?;
    eventually(PATIENCE, "a binding that is not Ready", async || {
        let row = cluster.in_namespace(&["get", "sb", "voter"]).await?;
        ensure!(row.contains("False"), "{row}");
        Ok(())
    })
    .await?;
    cluster.kms_comes().await?;
    cluster.condition("Ready", "True", "Ready").await?;
    let pod = suite.ready_pod().await?;
    suite.signs(&pod, 20).await?;
    suite.holds("KMS is unavailable at the start: the node waits for its signer, and both start once KMS is available");
    Ok(())
}

pub async fn pods_end(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let (pod, reports) = (suite.ready_pod().await?, suite.cluster.reported().await?);
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    cluster.in_namespace(&["delete", "pod", name]).await?;
    let last = suite.cluster.next_report(reports).await?;
    let after = last["afterSigterm"].as_u64().unwrap_or_default();
    ensure!(after > 0 && last["pending"] == 0 && last["lost"] == 0, "{last}");
    suite.ready_pod().await?;
    suite.holds(&format!(
        "a pod ends: {after} votes after SIGTERM were signed, so the signer outlives the node"
    ));

    cluster
        .kubectl(&[
            "--namespace",
            OPERATOR,
            "delete",
            "pods",
            "--all",
            "--grace-period=0",
            "--force",
        ])
        .await?;
    let (sets, reports) = (cluster.replica_sets().await?, suite.cluster.reported().await?);
    change(suite, &json!({"spec": {"signer": {"logLevel": "info"}}})).await?;
    rolled(suite, sets, reports).await?;
    suite.holds("every operator is killed: new ones take over");
    Ok(())
}

/// When the pod last became Ready.
fn ready_since(pod: &Value) -> Option<&str> {
    let mut conditions = pod["status"]["conditions"].as_array()?.iter();
    conditions.find(|condition| condition["type"] == "Ready")?["lastTransitionTime"].as_str()
}
