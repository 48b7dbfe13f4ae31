//! Deleting a binding: `Remove` restores the Deployment, `Retain` leaves it unchanged, and no deletion gets stuck.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::eventually;
use tests::operated::{Place, SOON, VOTER, binding, voter, with};

fn removing() -> Value {
    with(binding(), "/spec/deletionPolicy", json!("Remove"))
}

async fn gone(place: &Place, what: &str) -> Result<()> {
    eventually(SOON, &format!("{what} gone"), async || {
        let left = place
            .kubectl_ok(&["get", what, "--ignore-not-found", "-o", "name"])
            .await?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })
    .await
}

async fn finalizers(place: &Place, wanted: Option<&str>) -> Result<()> {
    eventually(SOON, "the finalizer as the policy asks", async || {
        let found = place.binding().await?.metadata.finalizers.unwrap_or_default();
        ensure!(found.first().map(String::as_str) == wanted, "{found:?}");
        Ok(())
    })
    .await
}

/// A voter whose every field was written by its manifest, injected and restored.
async fn restores(manifest: &Value, edit: &[&str]) -> Result<Place> {
    let place = Place::new("remove").await?;
    place.apply(manifest).await?;
    let before = place.deployment().await?["spec"].clone();
    place.apply(&removing()).await?;
    place.condition("Injected", "True", "Injected").await?;
    finalizers(&place, Some("signer.atto.cash/remove")).await?;
    // On a paused Deployment, because the guard would refuse this edit of a running one.
    if !edit.is_empty() {
        place.pause().await?;
        place.kubectl_ok(edit).await?;
    }
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    if !edit.is_empty() {
        place.resume().await?;
    }
    let after = place.deployment().await?;
    assert_eq!(after["spec"], before, "the spec is not what it was");
    gone(&place, "service/voter-signer").await?;
    Ok(place)
}

#[tokio::test]
async fn remove_restores_the_spec_exactly() -> Result<()> {
    let place = restores(&voter(), &[]).await?;
    let events = place.events("Deployment").await?;
    assert_eq!(
        events.iter().filter(|(reason, _)| reason == "Removed").count(),
        1,
        "{events:?}"
    );
    let fields = place.deployment().await?["metadata"]["managedFields"].to_string();
    assert!(!fields.contains("signer-operator"), "{fields}");
    Ok(())
}

#[tokio::test]
async fn remove_restores_a_pod_that_had_init_containers_and_no_variables() -> Result<()> {
    let mut manifest = with(
        voter(),
        "/spec/template/spec/initContainers",
        json!([{"name": "first", "image": "registry.example/first:1"}]),
    );
    manifest["spec"]["template"]["spec"]["containers"][0]
        .as_object_mut()
        .map(|node| node.remove("env"));
    restores(&manifest, &[]).await?;
    Ok(())
}

#[tokio::test]
async fn remove_keeps_the_variables_that_the_manifest_carries() -> Result<()> {
    let documented = with(
        voter(),
        "/spec/template/spec/containers/0/env",
        json!([
            { "name": "ATTO_SIGNER_BACKEND", "value": "REMOTE" },
            { "name": "ATTO_SIGNER_REMOTE_URL", "value": "http://localhost:9090" },
            { "name": "ATTO_SIGNER_REMOTE_TOKEN", "valueFrom": { "secretKeyRef": { "name": "token", "key": "value" } } },
        ]),
    );
    restores(&documented, &[]).await?;
    Ok(())
}

#[tokio::test]
async fn remove_works_after_kubectl_has_taken_our_fields() -> Result<()> {
    let annotate = r#"{"spec":{"template":{"metadata":{"annotations":{"signer.atto.cash/hash":"by-hand"}}}}}"#;
    let place = restores(&voter(), &["patch", "deployment", "voter", "-p", annotate]).await?;
    let annotations = place.deployment().await?["spec"]["template"]["metadata"]["annotations"].clone();
    assert!(annotations.is_null(), "{annotations}");
    Ok(())
}

#[tokio::test]
async fn remove_works_although_a_manifest_holds_a_part_of_our_container() -> Result<()> {
    let place = Place::new("part").await?;
    place.apply(&voter()).await?;
    let before = place.deployment().await?["spec"].clone();
    place.apply(&removing()).await?;
    place.condition("Injected", "True", "Injected").await?;
    let part = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": VOTER},
        "spec": {"template": {"spec": {"initContainers": [{"name": "signer", "tty": true}]}}},
    });
    place
        .apply_with(&part, &["--server-side", "--field-manager=argocd"])
        .await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    let after = place.deployment().await?;
    assert_eq!(after["spec"], before);
    let fields = after["metadata"]["managedFields"].to_string();
    assert!(!fields.contains("signer-operator"), "something is still ours: {fields}");
    Ok(())
}

#[tokio::test]
async fn retain_leaves_everything_and_a_binding_created_again_writes_nothing() -> Result<()> {
    let place = Place::new("retain").await?;
    let before = place.injected().await?;
    finalizers(&place, None).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    let after = place.deployment().await?;
    assert_eq!(after["spec"], before["spec"]);
    assert_eq!(after["metadata"]["generation"], before["metadata"]["generation"]);
    place.kubectl_ok(&["get", "service", "voter-signer"]).await?;
    Ok(())
}

#[tokio::test]
async fn the_finalizer_follows_the_policy() -> Result<()> {
    let place = Place::new("policy").await?;
    place.injected().await?;
    finalizers(&place, None).await?;
    place.apply(&removing()).await?;
    finalizers(&place, Some("signer.atto.cash/remove")).await?;
    place.apply(&binding()).await?;
    finalizers(&place, None).await?;
    Ok(())
}

#[tokio::test]
async fn remove_without_a_deployment_is_done_at_once() -> Result<()> {
    let place = Place::new("no-deployment").await?;
    place.apply(&voter()).await?;
    place.apply(&removing()).await?;
    place.condition("Injected", "True", "Injected").await?;
    place.kubectl_ok(&["delete", "deployment", VOTER]).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    gone(&place, "service/voter-signer").await
}

#[tokio::test]
async fn a_namespace_with_a_removing_binding_goes() -> Result<()> {
    let place = Place::new("namespace").await?;
    place.apply(&voter()).await?;
    place.apply(&removing()).await?;
    place.condition("Injected", "True", "Injected").await?;
    let admin = place.operated.plane.admin();
    admin
        .kubectl_ok(&["delete", "namespace", &place.namespace, "--timeout=60s"])
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_binding_that_never_served_removes_nothing_of_another() -> Result<()> {
    let place = Place::new("loser").await?;
    let before = place.injected().await?;
    place
        .apply(&with(removing(), "/metadata/name", json!("z-second")))
        .await?;
    place
        .condition_of("z-second", "Accepted", "False", "TargetTaken")
        .await?;
    place.kubectl_ok(&["delete", "sb", "z-second", "--timeout=60s"]).await?;
    assert_eq!(place.deployment().await?["spec"], before["spec"]);
    Ok(())
}

#[tokio::test]
async fn remove_does_not_touch_a_signer_that_was_never_ours() -> Result<()> {
    let place = Place::new("never-ours").await?;
    let by_hand = with(
        voter(),
        "/spec/template/spec/initContainers",
        json!([{"name": "signer", "image": "registry.example/signer:1", "restartPolicy": "Always"}]),
    );
    place.apply(&by_hand).await?;
    let before = place.deployment().await?["spec"].clone();
    place.apply(&removing()).await?;
    place.condition("Injected", "False", "ForeignSigner").await?;
    finalizers(&place, None).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    assert_eq!(place.deployment().await?["spec"], before);
    Ok(())
}

#[tokio::test]
async fn another_binding_inherits_the_deployment_without_a_moment_without_signer() -> Result<()> {
    let place = Place::new("inherit").await?;
    place.apply(&voter()).await?;
    place.apply(&removing()).await?;
    place.condition("Injected", "True", "Injected").await?;
    let before = place.deployment().await?;
    place
        .apply(&with(binding(), "/metadata/name", json!("z-second")))
        .await?;
    place
        .condition_of("z-second", "Accepted", "False", "TargetTaken")
        .await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    place.condition_of("z-second", "Injected", "True", "Injected").await?;
    let after = place.deployment().await?;
    assert_eq!(after["spec"], before["spec"]);
    assert_eq!(after["metadata"]["generation"], before["metadata"]["generation"]);
    Ok(())
}

#[tokio::test]
async fn another_key_takes_a_retained_injection_over_only_by_decision() -> Result<()> {
    let place = Place::new("take-over").await?;
    let before = place.injected().await?;
    place.kubectl_ok(&["delete", "sb", VOTER]).await?;
    place
        .apply(&tests::operated::secret("other-key", "value", &"1".repeat(64)))
        .await?;
    let other = with(
        with(binding(), "/metadata/name", json!("other")),
        "/spec/key/local/secretRef/name",
        json!("other-key"),
    );
    place.apply(&other).await?;
    let message = place
        .condition_of("other", "Injected", "False", "TakeOverPending")
        .await?;
    assert!(message.contains("ATTO_SIGNER_KEY"), "{message}");
    assert_eq!(place.deployment().await?["spec"], before["spec"]);
    // The same key and token are the same voter.
    place.kubectl_ok(&["delete", "sb", "other"]).await?;
    place.apply(&with(binding(), "/metadata/name", json!("same"))).await?;
    place.condition_of("same", "Injected", "True", "Injected").await?;
    Ok(())
}

#[tokio::test]
async fn remove_takes_out_the_variables_of_a_restored_backup() -> Result<()> {
    let place = Place::new("backup").await?;
    place.apply(&voter()).await?;
    let before = place.deployment().await?["spec"].clone();
    place.apply(&removing()).await?;
    place.condition("Injected", "True", "Injected").await?;
    place.restore_from_backup().await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    assert_eq!(place.deployment().await?["spec"], before);
    Ok(())
}
