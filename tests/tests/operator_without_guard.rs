//! Where the guard is off, or the API server is too old for it: what would have been refused is put back.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::eventually;
use tests::operated::{Operated, Place, SOON, VOTER, voter};

async fn place(prefix: &str) -> Result<Place> {
    Place::on(Operated::with_chart(&["--set", "guard.enabled=false"]).await?, prefix).await
}

async fn repaired(place: &Place, before: &Value) -> Result<()> {
    eventually(SOON, "the injection put back", async || {
        let after = place.deployment().await?["spec"]["template"].clone();
        ensure!(after == before["spec"]["template"], "{after}");
        Ok(())
    })
    .await?;
    place.condition("Injected", "True", "Injected").await?;
    place.told_once("DriftRepaired").await
}

/// Until the Deployment controller has seen it. A rollback needs the ReplicaSet of the template without the signer.
async fn seen(place: &Place, how: &str) -> Result<()> {
    let wait = ["wait", how, "deployment/voter", "--timeout=60s"];
    place.kubectl_ok(&wait).await.map(drop)
}

/// Back to the template before the injection.
async fn undo(place: &Place) -> Result<()> {
    seen(place, "--for=jsonpath={.status.observedGeneration}=2").await?;
    place
        .kubectl_ok(&["rollout", "undo", "deployment/voter"])
        .await
        .map(drop)
}

#[tokio::test]
async fn a_rollback_to_before_the_signer_is_put_back() -> Result<()> {
    let place = place("undo").await?;
    place.apply(&voter()).await?;
    seen(&place, "--for=condition=Progressing").await?;
    let before = place.injected().await?;
    undo(&place).await?;
    repaired(&place, &before).await
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
async fn removal_after_a_rollback_and_back_leaves_nothing() -> Result<()> {
    let place = place("undo-remove").await?;
    place.apply(&voter()).await?;
    let before = place.deployment().await?["spec"].clone();
    seen(&place, "--for=condition=Progressing").await?;
    let binding = tests::operated::with(tests::operated::binding(), "/spec/deletionPolicy", json!("Remove"));
    place.apply(&binding).await?;
    place.condition("Injected", "True", "Injected").await?;
    let injected = place.deployment().await?;
    undo(&place).await?;
    repaired(&place, &injected).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    assert_eq!(place.deployment().await?["spec"], before);
    Ok(())
}
