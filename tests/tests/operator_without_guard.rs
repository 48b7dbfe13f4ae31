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
    for kind in ["SignerBinding", "Deployment"] {
        eventually(SOON, "one Event of the repair", async || {
            let events = place.events(kind).await?;
            let repairs = events.iter().filter(|(reason, _)| reason == "DriftRepaired").count();
            ensure!(repairs == 1, "{kind}: {events:?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_rollback_to_before_the_signer_is_put_back() -> Result<()> {
    let place = place("undo").await?;
    place.apply(&voter()).await?;
    // The rollback needs the ReplicaSet of the template without the signer.
    place
        .kubectl_ok(&[
            "wait",
            "--for=condition=Progressing",
            "deployment/voter",
            "--timeout=30s",
        ])
        .await?;
    let before = place.injected().await?;
    place
        .kubectl_ok(&[
            "wait",
            "--for=jsonpath={.status.observedGeneration}=2",
            "deployment/voter",
            "--timeout=30s",
        ])
        .await?;
    place.kubectl_ok(&["rollout", "undo", "deployment/voter"]).await?;
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
    place
        .kubectl_ok(&[
            "wait",
            "--for=condition=Progressing",
            "deployment/voter",
            "--timeout=30s",
        ])
        .await?;
    let binding = tests::operated::with(tests::operated::binding(), "/spec/deletionPolicy", json!("Remove"));
    place.apply(&binding).await?;
    place.condition("Injected", "True", "Injected").await?;
    let injected = place.deployment().await?;
    place
        .kubectl_ok(&[
            "wait",
            "--for=jsonpath={.status.observedGeneration}=2",
            "deployment/voter",
            "--timeout=30s",
        ])
        .await?;
    place.kubectl_ok(&["rollout", "undo", "deployment/voter"]).await?;
    repaired(&place, &injected).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=30s"]).await?;
    assert_eq!(place.deployment().await?["spec"], before);
    Ok(())
}
