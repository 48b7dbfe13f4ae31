//! When a changed injection is written: at once, after an approval, or not at all.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use crds::Plan;
use serde_json::{Value, json};
use tests::operated::{Place, SOON, TOKEN, VOTER, binding, secret, voter, with};
use tests::{eventually, pods};

/// The check of each minute, with time for a slow computer.
const NEXT_LOOK: Duration = Duration::from_mins(2);

fn manual(spec: &Value) -> Value {
    let mut manual = with(binding(), "/spec/rollout", json!("Manual"));
    for (field, value) in spec.as_object().into_iter().flatten() {
        manual["spec"][field] = value.clone();
    }
    manual
}

async fn plan(place: &Place) -> Result<Plan> {
    let status = place.binding().await?.status.context("no status")?;
    status.plan.context("no plan")
}

async fn approve(place: &Place, hash: &str) -> Result<()> {
    let approval = format!("signer.atto.cash/approve={hash}");
    place
        .kubectl_ok(&["annotate", "sb", VOTER, "--overwrite", &approval])
        .await
        .map(drop)
}

async fn signer_has(place: &Place, text: &str) -> Result<Value> {
    eventually(SOON, &format!("{text} in the signer"), async || {
        let deployment = place.deployment().await?;
        let signer = deployment["spec"]["template"]["spec"]["initContainers"][0].to_string();
        ensure!(signer.contains(text), "{signer}");
        Ok(deployment)
    })
    .await
}

#[tokio::test]
async fn manual_writes_nothing_before_its_plan_is_approved() -> Result<()> {
    let place = Place::new("manual").await?;
    place.apply(&voter()).await?;
    let before = place.deployment().await?["spec"].clone();
    place.apply(&manual(&json!({}))).await?;
    let message = place.condition("Injected", "False", "ApprovalPending").await?;
    assert_eq!(place.deployment().await?["spec"], before);
    let first = plan(&place).await?;
    assert!(
        message.contains(&format!("signer.atto.cash/approve={}", first.hash)),
        "{message}"
    );
    let diff = first.diff.context("no diff")?;
    assert!(diff.contains('+') && diff.contains("ATTO_SIGNER_REMOTE_URL"), "{diff}");
    assert!(
        !diff.contains(TOKEN) && !diff.contains("voter.example"),
        "a value that is not ours: {diff}"
    );
    approve(&place, "another-hash").await?;
    // An approval does not cover the image and the number of replicas, so a change of them does not affect it.
    place
        .kubectl_ok(&["set", "image", "deployment/voter", "node=registry.example/node:2"])
        .await?;
    place.kubectl_ok(&["scale", "deployment/voter", "--replicas=0"]).await?;
    assert_eq!(plan(&place).await?.hash, first.hash);
    approve(&place, &first.hash).await?;
    place.condition("Injected", "True", "Injected").await?;
    let status = place.binding().await?.status.context("no status")?;
    assert_eq!(status.plan, None, "nothing waits any more");

    // Another change waits again, and shows only its own difference.
    place.apply(&manual(&json!({"signer": {"logLevel": "debug"}}))).await?;
    place.condition("Injected", "False", "ApprovalPending").await?;
    let second = plan(&place).await?;
    assert_ne!(second.hash, first.hash);
    let diff = second.diff.context("no diff")?;
    assert!(
        diff.lines()
            .any(|line| line.starts_with('+') && line.contains("ATTO_SIGNER_LOG")),
        "{diff}"
    );
    assert!(!diff.contains("ATTO_SIGNER_REMOTE_URL"), "it has not changed: {diff}");
    approve(&place, &second.hash).await?;
    signer_has(&place, "ATTO_SIGNER_LOG").await?;
    Ok(())
}

/// Gives both containers of the voter requests that equal their limits, which makes the pod one of class Guaranteed.
async fn set_resources(place: &Place) -> Result<()> {
    for container in ["node", "exporter"] {
        let of = ["set", "resources", "deployment/voter", "-c", container];
        let equal = ["--requests=cpu=1,memory=1Gi", "--limits=cpu=1,memory=1Gi"];
        place.kubectl_ok(&[&of[..], &equal[..]].concat()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn another_class_of_the_pod_makes_no_second_rollout_and_needs_no_approval() -> Result<()> {
    let place = Place::new("class").await?;
    place.apply(&voter()).await?;
    place.apply(&manual(&json!({}))).await?;
    place.condition("Injected", "False", "ApprovalPending").await?;
    approve(&place, &plan(&place).await?.hash).await?;
    place.condition("Injected", "True", "Injected").await?;
    let before = place.deployment().await?;
    set_resources(&place).await?;
    place.is_quiet().await?;
    place.condition("Injected", "True", "Injected").await?;
    let after = place.deployment().await?;
    let signer = |deployment: &Value| deployment["spec"]["template"]["spec"]["initContainers"][0].clone();
    assert_eq!(signer(&after), signer(&before));
    let generation = |deployment: &Value| deployment["metadata"]["generation"].as_i64();
    assert_eq!(generation(&after), generation(&before).map(|generation| generation + 2));

    // Without `-c`, kubectl changes the signer too, and the operator restores the approved one.
    let all = ["set", "resources", "deployment/voter", "--limits=memory=2Gi"];
    place
        .kubectl_ok(&[&all[..], &["--requests=cpu=1,memory=2Gi"]].concat())
        .await?;
    eventually(SOON, "the approved signer", async || {
        let after = signer(&place.deployment().await?);
        ensure!(after == signer(&before), "{after}");
        Ok(())
    })
    .await?;
    place.condition("Injected", "True", "Injected").await.map(drop)
}

#[tokio::test]
async fn what_was_approved_is_put_back_without_another_approval() -> Result<()> {
    let place = Place::new("manual-drift").await?;
    place.apply(&voter()).await?;
    place.apply(&manual(&json!({}))).await?;
    place.condition("Injected", "False", "ApprovalPending").await?;
    approve(&place, &plan(&place).await?.hash).await?;
    place.condition("Injected", "True", "Injected").await?;
    let before = place.deployment().await?["spec"]["template"].clone();
    place
        .kubectl_ok(&["annotate", "sb", VOTER, "signer.atto.cash/approve-"])
        .await?;
    place.pause().await?;
    place
        .kubectl_ok(&["set", "image", "deployment/voter", "signer=registry.example/evil:1"])
        .await?;
    eventually(SOON, "the approved signer", async || {
        let after = place.deployment().await?["spec"]["template"].clone();
        ensure!(after == before, "{after}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_deployment_made_again_gets_what_was_approved_for_it() -> Result<()> {
    let place = Place::new("made-again").await?;
    place.apply(&voter()).await?;
    place.apply(&manual(&json!({}))).await?;
    place.condition("Injected", "False", "ApprovalPending").await?;
    approve(&place, &plan(&place).await?.hash).await?;
    place.condition("Injected", "True", "Injected").await?;
    let approved = place.deployment().await?["spec"]["template"].clone();
    place
        .kubectl_ok(&["annotate", "sb", VOTER, "signer.atto.cash/approve-"])
        .await?;
    place.kubectl_ok(&["delete", "deployment", VOTER]).await?;
    place.condition("Injected", "False", "DeploymentNotFound").await?;
    place.apply(&voter()).await?;
    place.condition("Injected", "True", "Injected").await?;
    assert_eq!(place.deployment().await?["spec"]["template"], approved);
    Ok(())
}

#[tokio::test]
async fn a_token_changed_in_place_under_a_held_rollout_is_told() -> Result<()> {
    let place = Place::new("rotation").await?;
    place.apply(&voter()).await?;
    place.apply(&manual(&json!({}))).await?;
    place.condition("Injected", "False", "ApprovalPending").await?;
    approve(&place, &plan(&place).await?.hash).await?;
    place.condition("Injected", "True", "Injected").await?;
    place.condition("TokenReady", "True", "TokenFound").await?;
    let other = "another-token-of-more-than-32-bytes-0123";
    place.apply(&secret("token", "value", other)).await?;
    place.kubectl_ok(&["annotate", "sb", VOTER, "look=again"]).await?;
    let message = place.condition("TokenReady", "False", "RotationPending").await?;
    assert!(!message.contains(other), "{message}");
    let holder = "What holds it: spec.rollout is Manual";
    assert!(message.contains(holder), "the alert leads here: {message}");
    approve(&place, &plan(&place).await?.hash).await?;
    place.condition("TokenReady", "True", "TokenFound").await?;
    place.condition("Injected", "True", "Injected").await?;
    Ok(())
}

/// No watch reports it. Until the operator finds it, the operator reads only the Secrets.
#[tokio::test]
async fn a_token_changed_in_place_is_found_by_the_look_of_each_minute() -> Result<()> {
    let place = Place::new("minute").await?;
    place.injected().await?;
    place.condition("RolledOut", "False", "Progressing").await?;
    place.is_quiet().await?;
    let before = place.requests_of_operator()?.len();
    let template = async || anyhow::Ok(place.deployment().await?["spec"]["template"].clone());
    let injected = template().await?;
    place
        .apply(&secret("token", "value", "another-token-of-more-than-32-bytes-0123"))
        .await?;
    eventually(NEXT_LOOK, "another template", async || {
        ensure!(template().await? != injected, "it is the old one");
        Ok(())
    })
    .await?;
    assert_eq!(place.requests_of_operator()?[before].resource(), "secrets");
    Ok(())
}

#[tokio::test]
async fn a_suspended_binding_writes_nothing_and_leaves_everything() -> Result<()> {
    let place = Place::new("suspend").await?;
    place.apply(&voter()).await?;
    let suspended = |spec: &Value| {
        let mut binding = with(binding(), "/spec/suspend", json!(true));
        binding["spec"]["deletionPolicy"] = json!("Remove");
        for (field, value) in spec.as_object().into_iter().flatten() {
            binding["spec"][field] = value.clone();
        }
        binding
    };
    place.apply(&suspended(&json!({}))).await?;
    place.condition("Injected", "False", "Suspended").await?;
    // The operator has not checked whether pods run, or whether an update waits.
    place.condition("RolledOut", "Unknown", "NotInjected").await?;
    place.condition("UpdateAvailable", "Unknown", "NotInjected").await?;
    // A person has asked for this state.
    place.tells("SignerBinding", "Suspended").await?;
    let types = [
        "get",
        "events",
        "--field-selector=reason=Suspended",
        "-o",
        "jsonpath={.items[*].type}",
    ];
    let types = place.kubectl_ok(&types).await?;
    assert!(!types.contains("Warning") && types.contains("Normal"), "{types}");
    let untouched = place.deployment().await?;
    assert!(untouched["spec"]["template"]["spec"]["initContainers"].is_null());
    place.apply(&suspended(&json!({"suspend": false}))).await?;
    place.condition("Injected", "True", "Injected").await?;
    let before = place.deployment().await?["spec"].clone();
    // It is still injected. A changed binding is not written.
    place.apply(&suspended(&json!({}))).await?;
    place.condition("Injected", "True", "Injected").await?;
    place
        .apply(&suspended(&json!({"signer": {"logLevel": "debug"}})))
        .await?;
    place.condition("Injected", "False", "Suspended").await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    assert_eq!(place.deployment().await?["spec"], before);
    Ok(())
}

#[tokio::test]
async fn another_voter_is_taken_over_with_an_approval() -> Result<()> {
    let place = Place::new("take-over").await?;
    let before = place.injected().await?;
    place.kubectl_ok(&["delete", "sb", VOTER]).await?;
    place.apply(&secret("other-key", "value", &"1".repeat(64))).await?;
    place
        .apply(&with(binding(), "/spec/key/local/secretRef/name", json!("other-key")))
        .await?;
    place.condition("Injected", "False", "TakeOverPending").await?;
    assert_eq!(place.deployment().await?["spec"], before["spec"]);
    approve(&place, &plan(&place).await?.hash).await?;
    place.condition("Injected", "True", "Injected").await?;
    signer_has(&place, "other-key").await?;
    Ok(())
}

#[tokio::test]
async fn a_token_changed_in_place_behind_a_paused_deployment_is_told_as_well() -> Result<()> {
    let place = Place::new("paused").await?;
    place.injected().await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    place.condition("RolledOut", "True", "RolledOut").await?;
    place.kubectl_ok(&["rollout", "pause", "deployment/voter"]).await?;
    // The running pods still use the other Secret, so there is no risk.
    place
        .apply(&secret("token-2", "value", "another-token-of-more-than-32-bytes-0123"))
        .await?;
    place
        .apply(&with(binding(), "/spec/tokenSecretRef/name", json!("token-2")))
        .await?;
    place.condition("RolledOut", "False", "DeploymentPaused").await?;
    place.condition("TokenReady", "True", "TokenFound").await?;
    place.apply(&binding()).await?;
    place.condition("RolledOut", "True", "RolledOut").await?;
    place
        .apply(&secret("token", "value", "a-third-token-of-more-than-32-bytes-01234"))
        .await?;
    place.kubectl_ok(&["annotate", "sb", VOTER, "look=again"]).await?;
    let message = place.condition("TokenReady", "False", "RotationPending").await?;
    let command = "kubectl rollout resume deployment/voter --namespace";
    assert!(message.contains(command), "{message}");
    place.kubectl_ok(&["rollout", "resume", "deployment/voter"]).await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    place.condition("TokenReady", "True", "TokenFound").await?;
    Ok(())
}
