//! Step 8: the API server refuses an edit that would start the voter without its signer.

use anyhow::{Result, ensure};

use super::{Demo, NAMESPACE, VOTER};
use crate::eventually::{SOON, eventually};

pub async fn show(demo: &mut Demo) -> Result<()> {
    demo.screen.step("The guard refuses to roll back to before the signer");
    let admin = demo.cluster.admin().clone();
    // On a Kubernetes node, the pods of the old template need time to end, and the second revision begins after that.
    eventually(SOON, "a second revision to roll back from", async || {
        let revisions = admin
            .kubectl_ok(&["get", "replicasets", "-n", NAMESPACE, "-o", "name"])
            .await?;
        ensure!(revisions.lines().count() > 1, "{revisions}");
        Ok(())
    })
    .await?;
    let before = demo.deployment().await?;
    let answer = demo
        .kubectl(&format!("rollout undo deployment/{VOTER} -n {NAMESPACE}"))
        .await?;
    ensure!(!answer.succeeded, "the rollback was let through");
    ensure!(
        answer.stderr.contains("without its signer"),
        "the refusal is not the guard's: {}",
        answer.stderr.trim()
    );
    ensure!(
        demo.deployment().await?["spec"] == before["spec"],
        "the refused rollback changed the Deployment"
    );
    Ok(())
}
