//! An injected Deployment that others change: what became of it, and what the operator did about it.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::control_plane::Request;
use tests::eventually;
use tests::operated::{Place, SOON, VOTER};

/// The Deployment once its controller has seen the present spec, and how many ReplicaSets there are of it.
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

/// How often the operator has written the Deployment, without the write that lets a new one begin which was held, and without those
/// that somebody else was faster than: they have changed nothing and are made again.
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

/// The operator has looked at the Deployment as it is, and found nothing to say.
pub async fn is_content(place: &Place) -> Result<()> {
    looks_again(place).await?;
    // A look is counted when it begins, and writes later; the next one begins when it has ended.
    looks_again(place).await?;
    place.condition("Injected", "True", "Injected").await.map(drop)
}

async fn looks_again(place: &Place) -> Result<()> {
    // The status is about this binding spec already, so ask for one more look.
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

/// Every look at everything reads the binding once.
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
