//! A rollback restores earlier fields of the operator, and the operator replaces them by its present ones.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::operated::{VOTER, binding, secret, voter, with};
use tests::pods;

use super::{place, put_back, repaired, seen, undo};

#[tokio::test]
async fn a_rollback_to_before_the_signer_is_put_back() -> Result<()> {
    let place = place("undo").await?;
    place.apply(&voter()).await?;
    seen(&place, "--for=condition=Progressing").await?;
    let before = place.injected().await?;
    undo(&place).await?;
    repaired(&place, &before).await
}

/// Moves token or key to another Secret, deletes the old one, and rolls back to the template that names it.
async fn a_rollback_over_a_rotation_is_put_back(spec: &Value, old: &str, value: &str) -> Result<()> {
    let place = place("rotated").await?;
    place.injected().await?;
    seen(&place, "--for=jsonpath={.status.observedGeneration}=2").await?;
    place.apply(&tests::operated::secret("new", "value", value)).await?;
    let patch = json!({ "spec": spec }).to_string();
    place
        .kubectl_ok(&["patch", "sb", VOTER, "--type=merge", "-p", &patch])
        .await?;
    seen(&place, "--for=jsonpath={.status.observedGeneration}=3").await?;
    place.condition("Injected", "True", "Injected").await?;
    place.kubectl_ok(&["delete", "secret", old]).await?;
    let before = place.deployment().await?;
    let undo = ["rollout", "undo", "deployment/voter", "--to-revision=2"];
    place.kubectl_ok(&undo).await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn a_rollback_to_a_token_that_is_gone_is_put_back() -> Result<()> {
    let spec = json!({"tokenSecretRef": {"name": "new"}});
    a_rollback_over_a_rotation_is_put_back(&spec, "token", "another-horse-battery-staple-0123456789").await
}

#[tokio::test]
async fn a_rollback_to_an_old_key_is_put_back() -> Result<()> {
    let spec = json!({"key": {"local": {"secretRef": {"name": "new"}}}});
    a_rollback_over_a_rotation_is_put_back(&spec, "key", &"1".repeat(64)).await
}

#[tokio::test]
async fn removal_after_a_rollback_and_back_leaves_nothing() -> Result<()> {
    let place = place("undo-remove").await?;
    place.apply(&voter()).await?;
    let before = place.deployment().await?["spec"].clone();
    seen(&place, "--for=condition=Progressing").await?;
    place
        .apply(&with(binding(), "/spec/deletionPolicy", json!("Remove")))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    let injected = place.deployment().await?;
    undo(&place).await?;
    repaired(&place, &injected).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    assert_eq!(place.deployment().await?["spec"], before);
    Ok(())
}

#[tokio::test]
async fn a_rollback_over_a_change_to_a_token_is_put_back_and_leaves_nothing() -> Result<()> {
    let place = place("back").await?;
    pods::default_account(&place.client, &place.namespace).await?;
    place.apply(&voter()).await?;
    seen(&place, "--for=condition=Progressing").await?;
    let bare = place.deployment().await?["spec"].clone();
    let version = "projects/p/locations/l/keyRings/r/cryptoKeys/back/cryptoKeyVersions/1";
    let in_google = with(binding(), "/spec/key", json!({"gcp": {"keyVersion": version}}));
    place
        .apply(&with(in_google, "/spec/deletionPolicy", json!("Remove")))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    seen(&place, "--for=jsonpath={.status.observedGeneration}=2").await?;
    let key = |version: i32| {
        let key = json!({"vault": {
            "address": "https://vault.example.com", "key": "back", "version": version, "auth": {"jwt": {"role": "voter"}},
        }});
        with(
            with(binding(), "/spec/deletionPolicy", json!("Remove")),
            "/spec/key",
            key,
        )
    };
    for (version, generation) in [(1, 3), (2, 4)] {
        place.apply(&key(version)).await?;
        place.condition("Injected", "True", "Injected").await?;
        seen(
            &place,
            &format!("--for=jsonpath={{.status.observedGeneration}}={generation}"),
        )
        .await?;
    }
    let before = place.deployment().await?;
    // To the key in Google, and to the other version: the first has no volume, the second has the same.
    for revision in ["--to-revision=2", "--to-revision=3"] {
        let undo = ["rollout", "undo", "deployment/voter", revision];
        place.kubectl_ok(&undo).await?;
        put_back(&place, &before).await?;
    }
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    let after = place.deployment().await?["spec"].clone();
    ensure!(after == bare, "removal leaves {after}");
    Ok(())
}

/// With its key in a Secret, the signer's variable has a source; with a key service, a value. Certificates of a Secret
/// and of a ConfigMap need different volumes. The API server refuses an item with two sources.
async fn a_rollback_over_another_source_is_put_back(prefix: &str, from: &Value, to: &Value) -> Result<()> {
    let place = place(prefix).await?;
    pods::default_account(&place.client, &place.namespace).await?;
    place.apply(&secret("ca", "ca.crt", "certificates")).await?;
    place.apply(&voter()).await?;
    seen(&place, "--for=condition=Progressing").await?;
    let bare = place.deployment().await?["spec"].clone();
    let removing = with(binding(), "/spec/deletionPolicy", json!("Remove"));
    for (key, generation) in [(from, 2), (to, 3)] {
        place.apply(&with(removing.clone(), "/spec/key", key.clone())).await?;
        place.condition("Injected", "True", "Injected").await?;
        let wait = format!("--for=jsonpath={{.status.observedGeneration}}={generation}");
        seen(&place, &wait).await?;
    }
    let before = place.deployment().await?;
    place.kubectl_ok(&["rollout", "undo", "deployment/voter"]).await?;
    repaired(&place, &before).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    let after = place.deployment().await?["spec"].clone();
    ensure!(after == bare, "removal leaves {after}");
    Ok(())
}

fn in_a_secret() -> Value {
    json!({"local": {"secretRef": {"name": "key", "key": "value"}}})
}

fn in_vault(prefix: &str, more: &[(&str, Value)]) -> Value {
    let mut key = json!({
        "address": "https://vault.example.com", "key": prefix, "version": 1, "auth": {"jwt": {"role": "voter"}},
    });
    for (field, value) in more {
        key[field] = value.clone();
    }
    json!({ "vault": key })
}

#[tokio::test]
async fn a_rollback_from_a_key_service_to_a_secret_is_put_back() -> Result<()> {
    let (from, to) = (in_a_secret(), in_vault("to-secret", &[]));
    a_rollback_over_another_source_is_put_back("to-secret", &from, &to).await
}

#[tokio::test]
async fn a_rollback_from_a_secret_to_a_key_service_is_put_back() -> Result<()> {
    let version = "projects/p/locations/l/keyRings/r/cryptoKeys/to-service/cryptoKeyVersions/1";
    let (from, to) = (json!({"gcp": {"keyVersion": version}}), in_a_secret());
    a_rollback_over_another_source_is_put_back("to-service", &from, &to).await
}

#[tokio::test]
async fn a_rollback_to_certificates_from_elsewhere_is_put_back() -> Result<()> {
    let reference = json!({"name": "ca", "key": "ca.crt"});
    let of_a_secret = in_vault("authorities", &[("caSecretRef", reference.clone())]);
    let of_a_config_map = in_vault("authorities", &[("caConfigMapRef", reference)]);
    a_rollback_over_another_source_is_put_back("authorities", &of_a_secret, &of_a_config_map).await
}
