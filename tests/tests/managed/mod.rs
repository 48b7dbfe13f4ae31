//! Helpers for an injected Deployment that other clients change: its final state, and the operator's writes.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::control_plane::Request;
use tests::eventually;
use tests::operated::{Place, SOON, VOTER};

/// The Deployment, once its controller has seen the present spec, and the number of its ReplicaSets.
pub async fn settled(place: &Place) -> Result<(Value, usize)> {
    let deployment = eventually(SOON, "the Deployment's controller", async || {
        let deployment = place.deployment().await?;
        let (seen, is) = (
            &deployment["status"]["observedGeneration"],
            &deployment["metadata"]["generation"],
        );
        ensure!(seen == is, "it has seen {seen} of {is}");
        Ok(deployment)
    })
    .await?;
    let sets = place.kubectl_ok(&["get", "replicasets", "-o", "name"]).await?;
    Ok((deployment, sets.lines().count()))
}

/// The number of the operator's writes to the Deployment. Excludes the write that resumes a held Deployment, and writes
/// that failed because another client was faster: they have changed nothing and are repeated.
pub fn writes(place: &Place) -> Result<usize> {
    let requests = place.requests_of_operator()?;
    let ours = requests
        .iter()
        .filter(|request| request.resource() == "deployments" && request.is_write())
        .filter(|request| !resumes(request) && request.code() != Some(409));
    Ok(ours.count())
}

fn resumes(request: &Request) -> bool {
    let body = request.request_object.as_ref().map(Value::to_string);
    body.is_some_and(|body| body.contains("signer.atto.cash~1held"))
}

/// Waits until the operator has reconciled the present Deployment without a finding.
pub async fn is_content(place: &Place) -> Result<()> {
    looks_again(place).await?;
    // A reconcile is counted when it begins, and writes later. The next one begins after it has ended.
    looks_again(place).await?;
    place.condition("Injected", "True", "Injected").await.map(drop)
}

async fn looks_again(place: &Place) -> Result<()> {
    // The status already describes this binding's spec, so another reconcile is needed.
    let labels = json!({"metadata": {"labels": {"looked-at": format!("{}", place.operated.plane.requests()?.len())}}});
    let seen = looks(place)?;
    place
        .kubectl_ok(&["patch", "deployment", VOTER, "--type=merge", "-p", &labels.to_string()])
        .await?;
    eventually(SOON, "the operator's next look", async || {
        ensure!(looks(place)? > seen, "none yet");
        Ok(())
    })
    .await
}

/// Every full reconcile reads the binding once.
fn looks(place: &Place) -> Result<usize> {
    let requests = place.requests_of_operator()?;
    let looks = requests
        .iter()
        .filter(|request| request.resource() == "signerbindings" && request.verb == "get");
    Ok(looks.count())
}

pub fn ours(deployment: &Value) -> Result<()> {
    let pod = &deployment["spec"]["template"]["spec"];
    ensure!(pod["initContainers"][0]["name"] == "signer", "no signer: {pod}");
    let env = pod["containers"][0]["env"].to_string();
    for variable in ["BACKEND", "REMOTE_URL", "REMOTE_TOKEN"] {
        ensure!(env.contains(&format!("ATTO_SIGNER_{variable}")), "{env}");
    }
    Ok(())
}
