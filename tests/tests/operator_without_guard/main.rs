//! Without the guard, the operator restores its fields after changes that the guard would have refused.

mod added;
mod from_kubernetes_1_36;
mod rollbacks;
mod stripped;
mod tokens;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Operated, Place, SOON, VOTER, binding, voter};
use tests::{eventually, pods};

pub async fn place(prefix: &str) -> Result<Place> {
    Place::on(Operated::with_chart(&["--set", "guard.enabled=false"]).await?, prefix).await
}

pub async fn repaired(place: &Place, before: &Value) -> Result<()> {
    put_back(place, before).await?;
    place.told_once("DriftRepaired").await
}

pub async fn put_back(place: &Place, before: &Value) -> Result<()> {
    eventually(SOON, "the injection put back", async || {
        let after = place.deployment().await?["spec"]["template"].clone();
        ensure!(after == before["spec"]["template"], "{after}");
        Ok(())
    })
    .await?;
    place.condition("Injected", "True", "Injected").await.map(drop)
}

/// Waits until the Deployment controller has seen the change. A rollback needs the ReplicaSet of the template without
/// the signer.
pub async fn seen(place: &Place, how: &str) -> Result<()> {
    let wait = ["wait", how, "deployment/voter", "--timeout=60s"];
    place.kubectl_ok(&wait).await.map(drop)
}

/// Back to the template before the injection.
pub async fn undo(place: &Place) -> Result<()> {
    seen(place, "--for=jsonpath={.status.observedGeneration}=2").await?;
    place
        .kubectl_ok(&["rollout", "undo", "deployment/voter"])
        .await
        .map(drop)
}

#[tokio::test]
async fn a_replace_without_the_sidecar_is_put_back() -> Result<()> {
    let place = place("replace").await?;
    let before = place.injected().await?;
    place.replace(async || Ok(voter())).await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn items_removed_by_hand_are_put_back() -> Result<()> {
    let place = place("patch").await?;
    let before = place.injected().await?;
    let patch = json!([
        {"op": "remove", "path": "/spec/template/spec/initContainers"},
        {"op": "remove", "path": "/spec/template/metadata/annotations"},
    ]);
    place
        .kubectl_ok(&["patch", "deployment", VOTER, "--type=json", "-p", &patch.to_string()])
        .await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn without_the_right_to_try_a_pod_the_signer_is_injected_untried() -> Result<()> {
    let place = place("untried").await?;
    pods::default_account(&place.client, &place.namespace).await?;
    place.apply(&voter()).await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    assert!(place.operated.log().contains("cannot be tested"), "nothing in the log");
    Ok(())
}
