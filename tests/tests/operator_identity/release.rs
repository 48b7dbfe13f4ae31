//! The annotation stays as long as a running signer needs it, and then goes.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Place, SOON, VOTER, binding, vault_key, voter, with};
use tests::{eventually, pods};

use super::{GOOGLE, account, acting_as, annotated, direct, is_annotated, with_account};

#[tokio::test]
async fn a_grant_goes_with_the_last_pod_that_needs_it() -> Result<()> {
    let place = Place::new("leftover").await?;
    let roll_out = async || pods::roll_out(&place.client, &place.namespace, VOTER).await;
    place.apply(&account()).await?;
    place.apply(&with(account(), "/metadata/name", json!("second"))).await?;
    place.apply(&with_account()).await?;
    place.apply(&acting_as(GOOGLE)).await?;
    place.condition("Injected", "True", "Injected").await?;
    roll_out().await?;
    let recorded = async |expected: &[&str]| {
        eventually(SOON, &format!("the record {expected:?}"), async || {
            let status = place.binding().await?.status.unwrap_or_default();
            let found = status.annotated_service_accounts;
            ensure!(found == expected, "{found:?}");
            Ok(())
        })
        .await
    };
    recorded(&["voter"]).await?;

    // The running pod needs the first account until the next pod is ready.
    place
        .apply(&with(
            voter(),
            "/spec/template/spec/serviceAccountName",
            json!("second"),
        ))
        .await?;
    is_annotated(&place, "second", Some(GOOGLE)).await?;
    recorded(&["second", "voter"]).await?;
    place.is_quiet().await?;
    annotated(&place, Some(GOOGLE)).await?;
    roll_out().await?;
    annotated(&place, None).await?;
    recorded(&["second"]).await?;

    place.apply(&binding()).await?;
    place.condition("IdentityReady", "True", "IdentityNotNeeded").await?;
    place.condition("Injected", "True", "Injected").await?;
    is_annotated(&place, "second", Some(GOOGLE)).await?;
    roll_out().await?;
    is_annotated(&place, "second", None).await?;
    recorded(&[]).await?;

    // The annotation is also removed with a binding whose Deployment was deleted.
    place
        .apply(&with(acting_as(GOOGLE), "/spec/deletionPolicy", json!("Remove")))
        .await?;
    is_annotated(&place, "second", Some(GOOGLE)).await?;
    recorded(&["second"]).await?;
    place.kubectl_ok(&["delete", "deployment", VOTER]).await?;
    place.condition("Injected", "False", "DeploymentNotFound").await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    is_annotated(&place, "second", None).await
}

/// A running voter that signs as the Google service account.
async fn running(prefix: &str, deletion_policy: &str) -> Result<Place> {
    let place = Place::new(prefix).await?;
    place.apply(&account()).await?;
    place.apply(&with_account()).await?;
    place
        .apply(&with(acting_as(GOOGLE), "/spec/deletionPolicy", json!(deletion_policy)))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    annotated(&place, Some(GOOGLE)).await?;
    Ok(place)
}

/// The same binding with another key version, which is granted to the ServiceAccount itself.
fn second_version() -> Value {
    let version = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/2";
    with(direct(), "/spec/key/gcp/keyVersion", json!(version))
}

#[tokio::test]
async fn a_running_signer_keeps_its_grant_until_its_replacement_runs() -> Result<()> {
    let provider = "//iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/pool/providers/cluster";
    for (prefix, next) in [
        ("kept-version", second_version()),
        ("kept-vault", with(binding(), "/spec/key", vault_key())),
        (
            "kept-federation",
            with(direct(), "/spec/key/gcp/federation", json!({"provider": provider})),
        ),
    ] {
        let place = running(prefix, "Retain").await?;
        place.apply(&with(next, "/spec/rollout", json!("Manual"))).await?;
        place.condition("Injected", "False", "ApprovalPending").await?;
        place.is_quiet().await?;
        annotated(&place, Some(GOOGLE)).await.context(prefix)?;
        let plan = place.binding().await?.status.and_then(|status| status.plan);
        let hash = plan.context("nothing to approve")?.hash;
        let approval = format!("signer.atto.cash/approve={hash}");
        place.kubectl_ok(&["annotate", "sb", VOTER, &approval]).await?;
        // The rollout starts the next pod before the running one ends.
        place.condition("Injected", "True", "Injected").await?;
        place.is_quiet().await?;
        annotated(&place, Some(GOOGLE)).await.context(prefix)?;
        pods::roll_out(&place.client, &place.namespace, VOTER).await?;
        annotated(&place, None).await.context(prefix)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_signer_that_waits_for_its_take_over_keeps_its_grant() -> Result<()> {
    // Of two bindings of one second, the first by name is the older one.
    let other = with(second_version(), "/metadata/name", json!("with-another-key"));
    for policy in ["Retain", "Remove"] {
        let place = running("taken", policy).await?;
        place.apply(&other).await?;
        place
            .condition_of("with-another-key", "Accepted", "False", "TargetTaken")
            .await?;
        place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
        place
            .condition_of("with-another-key", "Injected", "False", "TakeOverPending")
            .await?;
        place.is_quiet().await?;
        annotated(&place, Some(GOOGLE)).await.context(policy)?;
    }
    Ok(())
}
