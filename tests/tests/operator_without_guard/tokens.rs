//! The token that only the signer may have.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Place, VOTER, binding, voter, with};
use tests::pods;

use super::{place, repaired};

/// A voter whose signer has its own token.
async fn with_a_token(prefix: &str) -> Result<(Place, Value)> {
    let place = place(prefix).await?;
    pods::default_account(&place.client, &place.namespace).await?;
    place.apply(&voter()).await?;
    let key = json!({"vault": {
        "address": "https://vault.example.com", "key": prefix, "version": 1, "auth": {"kubernetes": {"role": "voter"}},
    }});
    let binding = with(binding(), "/spec/key", key);
    place
        .apply(&with(binding, "/spec/deletionPolicy", json!("Remove")))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    let live = place.deployment().await?;
    Ok((place, live))
}

const STOLEN: &str = r#"[{"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts", "value": [{"name": "signer-identity", "mountPath": "/stolen"}]}]"#;

#[tokio::test]
async fn the_signers_token_is_taken_from_another_container() -> Result<()> {
    let (place, before) = with_a_token("stolen").await?;
    place
        .kubectl_ok(&["patch", "deployment", VOTER, "--type=json", "-p", STOLEN])
        .await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn a_manifest_that_gives_the_token_to_another_container_is_told_of_and_removal_is_not_kept_up() -> Result<()> {
    let (place, _) = with_a_token("applied").await?;
    let mounts = json!([{"name": "signer-identity", "mountPath": "/stolen"}]);
    let node = json!([{"name": "node", "volumeMounts": mounts}]);
    place
        .apply_spec_as("flux", &json!({"template": {"spec": {"containers": node}}}))
        .await?;
    let message = place.condition("Injected", "False", "SignerAltered").await?;
    for words in [
        "container node mounts volume signer-identity (written by flux)",
        "remove it there",
    ] {
        ensure!(message.contains(words), "{message}");
    }
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    let left = place.deployment().await?["spec"]["template"]["spec"].clone();
    ensure!(!left.to_string().contains("signer"), "{left}");
    Ok(())
}

#[tokio::test]
async fn a_volume_that_somebody_has_changed_is_put_back() -> Result<()> {
    let (place, before) = with_a_token("changed").await?;
    let audience = r#"[{"op": "replace", "path": "/spec/template/spec/volumes/0/projected/sources/0/serviceAccountToken/audience", "value": "https://kubernetes.default.svc"}]"#;
    place
        .kubectl_ok(&["patch", "deployment", VOTER, "--type=json", "-p", audience])
        .await?;
    repaired(&place, &before).await
}
