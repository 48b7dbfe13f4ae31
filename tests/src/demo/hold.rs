//! Step 9: a recreated voter has no pod before its signer is injected.

use anyhow::{Result, ensure};
use crds::names::HELD_ANNOTATION;

use super::{BINDING, Demo, NAMESPACE, VOTER};
use crate::eventually::{SOON, eventually};
use crate::replica_sets::ReplicaSets;

const FILE: &str = "examples/quickstart/20-voter.yaml";
/// Removes the pause from the manifest.
const RUNNING: &str = r#"{"spec":{"paused":null}}"#;

pub async fn show(demo: &mut Demo) -> Result<()> {
    let admin = demo.cluster.admin().clone();
    let policy = ["get", "mutatingadmissionpolicy", "-o", "name"];
    if !admin.kubectl(&policy).await?.stdout.contains("guard-creation") {
        demo.screen
            .note("This Kubernetes is older than 1.36 and cannot hold a new voter, so this step is left out.");
        return Ok(());
    }
    demo.screen.step(
        "The voter is deleted and applied again without a signer: the API server holds it until the signer is injected",
    );
    demo.kubectl_ok(&format!("delete deployment {VOTER} -n {NAMESPACE}"))
        .await?;
    // Right after the installation, it does not know the kind of its parameters yet.
    let manifest = demo.changed(FILE, RUNNING).await?;
    let tried = ["create", "--dry-run=server", "-f", "-", "-o", "yaml"];
    eventually(2 * SOON, "the API server holds new voters", async || {
        let answer = admin.kubectl_in(crate::workspace::root(), &tried, &manifest).await?;
        ensure!(
            answer.stdout.contains(HELD_ANNOTATION),
            "{}{}",
            answer.stdout,
            answer.stderr
        );
        Ok(())
    })
    .await?;
    let sets = ReplicaSets::of(admin.client().await?, NAMESPACE).await?;
    demo.screen
        .note("Without the line `paused: true`, so that only the API server holds it:");
    demo.pipe_changed(
        FILE,
        RUNNING,
        "create -f - --dry-run=server -o jsonpath={.metadata.annotations}{.spec.paused}",
    )
    .await?;
    demo.screen
        .note("The API server has paused it, and marked it as held for its binding.");
    demo.pipe_changed(FILE, RUNNING, "apply -f -").await?;
    demo.kubectl_ok(&format!(
        "wait deployment/{VOTER} -n {NAMESPACE} --for=jsonpath={{.spec.template.spec.initContainers[0].name}}=signer --timeout=60s"
    ))
    .await?;
    eventually(SOON, "the voter goes on", async || {
        let deployment = demo.deployment().await?;
        ensure!(deployment["spec"]["paused"].is_null(), "it is paused");
        Ok(())
    })
    .await?;
    let condition = if demo.cluster.has_nodes { "Injected" } else { "Ready" };
    demo.kubectl_ok(&format!(
        "wait signerbinding/{BINDING} -n {NAMESPACE} --for=condition={condition} --timeout=60s"
    ))
    .await?;
    demo.kubectl_ok(&format!(
        "get events -n {NAMESPACE} --field-selector reason=Resumed -o custom-columns=ABOUT:.involvedObject.kind,NOTE:.message"
    ))
    .await?;
    sets.are_whole().await?;
    demo.screen.note("no ReplicaSet without the signer was created");
    Ok(())
}
