//! The signer is removed, or the operator is.

use anyhow::{Result, ensure};
use serde_json::json;

use super::super::Suite;
use super::super::cluster::PATIENCE;
use super::super::voter::token;
use crate::eventually;

pub async fn removal(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    cluster
        .in_namespace(&["delete", "signerbinding", "voter", "--timeout=60s"])
        .await?;
    let template = cluster.get("deployment", "voter").await?["spec"]["template"].to_string();
    ensure!(
        !template.contains("signer.atto.cash") && !template.contains("ATTO_SIGNER"),
        "{template}"
    );
    let account = cluster.get("serviceaccount", "voter").await?;
    ensure!(
        account["metadata"]["annotations"]["iam.gke.io/gcp-service-account"].is_null(),
        "{account}"
    );
    eventually(PATIENCE, "a node that does not vote", async || {
        let counts = suite.counts(&suite.ready_pod().await?).await?;
        ensure!(counts["historical"] == true, "{counts}");
        Ok(())
    })
    .await?;
    suite.holds("Remove leaves the Deployment as it was");
    Ok(())
}

pub async fn uninstall(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let mut kept = suite.binding();
    kept["spec"]["deletionPolicy"] = json!("Retain");
    cluster.apply(&token("token-1", "a")).await?;
    cluster.apply(&kept).await?;
    cluster.condition("Signing", "True", "Signing").await?;
    let pod = suite.ready_pod().await?;
    cluster.uninstall().await?;
    suite.signs(&pod, 20).await?;
    cluster.get("signerbinding", "voter").await?;
    ensure!(suite.ready_pod().await?["metadata"]["uid"] == pod["metadata"]["uid"]);
    suite.holds("the chart is uninstalled: the binding stays and the voter signs");
    Ok(())
}
