//! The operator restores a lost signer without waiting for anything.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::eventually;
use tests::operated::{Place, SOON, VOTER, binding, voter, with};

use super::{place, repaired};

#[tokio::test]
async fn a_stripped_voter_does_not_wait_for_an_approval() -> Result<()> {
    let place = place("manual").await?;
    place.injected().await?;
    let mut manual = with(binding(), "/spec/rollout", json!("Manual"));
    manual["spec"]["signer"] = json!({"logLevel": "debug"});
    place.apply(&manual).await?;
    place.condition("Injected", "False", "ApprovalPending").await?;
    place.replace(async || Ok(voter())).await?;
    eventually(SOON, "the signer, as the binding asks for it now", async || {
        let template = place.deployment().await?["spec"]["template"].to_string();
        ensure!(template.contains("ATTO_SIGNER_LOG"), "{template}");
        ensure!(template.contains("ATTO_SIGNER_REMOTE_URL"), "{template}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_stripped_voter_does_not_wait_for_its_secrets() -> Result<()> {
    let place = place("secrets").await?;
    let before = place.injected().await?;
    place.kubectl_ok(&["delete", "secret", "token", "key"]).await?;
    place.kubectl_ok(&["annotate", "sb", VOTER, "look=again"]).await?;
    place.condition("TokenReady", "False", "SecretNotFound").await?;
    place.replace(async || Ok(voter())).await?;
    // Exactly the same, so that a restored token is not a rotation.
    repaired(&place, &before).await?;
    place.condition("TokenReady", "False", "SecretNotFound").await?;
    Ok(())
}

#[tokio::test]
async fn a_stripped_voter_does_not_wait_for_an_account_of_its_own() -> Result<()> {
    let place = place("account").await?;
    place
        .apply(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": VOTER}}))
        .await?;
    let deployment = with(voter(), "/spec/template/spec/serviceAccountName", json!(VOTER));
    let version = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
    let mut in_google = with(binding(), "/spec/key", json!({"gcp": {"keyVersion": version}}));
    in_google["spec"]["workloadIdentity"] = json!({"gcpServiceAccount": "signer@project.iam.gserviceaccount.com"});
    place.apply(&deployment).await?;
    place.apply(&in_google).await?;
    place.condition("Injected", "True", "Injected").await?;
    let before = place.deployment().await?;
    let stray = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stray"},
        "spec": {"serviceAccountName": VOTER, "containers": [{"name": "one", "image": "registry.example/one:1"}]},
    });
    place.apply(&stray).await?;
    place.kubectl_ok(&["annotate", "sb", VOTER, "look=again"]).await?;
    place
        .condition("IdentityReady", "False", "ServiceAccountShared")
        .await?;
    place.replace(async || Ok(deployment.clone())).await?;
    repaired(&place, &before).await
}

/// Only metrics need the Service, so a voter that had its signer before does not wait for the name.
#[tokio::test]
async fn a_stripped_voter_does_not_wait_for_its_service() -> Result<()> {
    let place = place("service").await?;
    let before = place.injected().await?;
    // Meanwhile the operator does not create it again.
    place.apply(&with(binding(), "/spec/suspend", json!(true))).await?;
    place.condition("Injected", "True", "Injected").await?;
    place.kubectl_ok(&["delete", "service", "voter-signer"]).await?;
    let foreign = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "voter-signer"},
        "spec": {"selector": {"app": "other"}, "ports": [{"port": 80}]},
    });
    place.apply(&foreign).await?;
    place.apply(&binding()).await?;
    not_written(&place).await?;
    place.condition("Injected", "True", "Injected").await?;
    place.replace(async || Ok(voter())).await?;
    repaired(&place, &before).await?;
    not_written(&place).await?;
    let service = ["get", "service", "voter-signer", "-o", "jsonpath={.spec.selector}"];
    let selector = place.kubectl_ok(&service).await?;
    ensure!(selector == r#"{"app":"other"}"#, "it was taken: {selector}");
    place.kubectl_ok(&["delete", "service", "voter-signer"]).await?;
    place.kubectl_ok(&["annotate", "sb", VOTER, "look=again"]).await?;
    eventually(SOON, "the operator's own Service", async || {
        let selector = place.kubectl_ok(&service).await?;
        ensure!(selector.contains("signer.atto.cash/deployment"), "{selector}");
        Ok(())
    })
    .await
}

async fn not_written(place: &Place) -> Result<()> {
    eventually(SOON, "the warning", async || {
        let warnings = place.binding().await?.status.map(|status| status.warnings);
        let told = warnings
            .iter()
            .flatten()
            .find(|warning| warning.reason == "ServiceNotWritten");
        ensure!(
            told.is_some_and(|warning| warning.message.contains("Service voter-signer exists")),
            "{warnings:?}"
        );
        Ok(())
    })
    .await
}
