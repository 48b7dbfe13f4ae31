//! Additions to the signer by other clients.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::eventually;
use tests::operated::{Place, SOON, VOTER, binding, with};

use super::{place, repaired};

/// An edit of the signer that keeps all fields of the operator.
async fn add_to_signer(place: &Place) -> Result<()> {
    let signer = json!({
        "name": "signer",
        "args": ["--capabilities=BLOCK,VOTE,CHALLENGE"],
        "env": [{"name": "ATTO_SIGNER_POLICY_NETWORKS", "value": "LIVE"}],
    });
    let edit = json!({"spec": {"template": {"spec": {"initContainers": [signer]}}}}).to_string();
    place
        .kubectl_ok(&["patch", "deployment", VOTER, "-p", &edit])
        .await
        .map(drop)
}

#[tokio::test]
async fn what_is_added_to_the_signer_is_taken_out() -> Result<()> {
    let place = place("added").await?;
    let before = place.injected().await?;
    add_to_signer(&place).await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn what_is_added_to_the_signer_again_and_again_is_told() -> Result<()> {
    let place = place("altered").await?;
    let before = place.injected().await?;
    for _ in 0..5 {
        add_to_signer(&place).await?;
        eventually(SOON, "the injection put back", async || {
            let after = place.deployment().await?["spec"]["template"].clone();
            ensure!(after == before["spec"]["template"], "{after}");
            Ok(())
        })
        .await?;
    }
    add_to_signer(&place).await?;
    let message = place.condition("Injected", "False", "SignerAltered").await?;
    for part in ["args", "env ATTO_SIGNER_POLICY_NETWORKS", "kubectl-patch"] {
        assert!(message.contains(part), "{part:?} is missing in {message}");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_manifest_adds_to_the_signer_is_told_and_not_fought() -> Result<()> {
    let place = place("applied").await?;
    let before = place.injected().await?;
    let part = |containers: Value| json!({"template": {"spec": {"initContainers": containers}}});
    let added = json!([{"name": "signer", "args": ["--capabilities=BLOCK"]}]);
    place.apply_spec_as("argocd", &part(added)).await?;
    let message = place.condition("Injected", "False", "SignerAltered").await?;
    for part in ["args", "argocd"] {
        assert!(message.contains(part), "{part:?} is missing in {message}");
    }
    place.is_quiet().await?;
    let signer = place.deployment().await?["spec"]["template"]["spec"]["initContainers"][0].clone();
    assert_eq!(signer["args"], json!(["--capabilities=BLOCK"]), "it was fought");
    place
        .apply_spec_as("argocd", &part(json!([{"name": "signer"}])))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    assert_eq!(
        place.deployment().await?["spec"]["template"],
        before["spec"]["template"]
    );
    Ok(())
}

#[tokio::test]
async fn a_plan_can_be_approved_although_somebody_edits_the_signer_meanwhile() -> Result<()> {
    let place = place("edited").await?;
    place.injected().await?;
    let mut manual = with(binding(), "/spec/rollout", json!("Manual"));
    manual["spec"]["signer"] = json!({"logLevel": "debug"});
    place.apply(&manual).await?;
    place.condition("Injected", "False", "ApprovalPending").await?;
    let edit = ["set", "image", "deployment/voter", "signer=registry.example/other:1"];
    place.kubectl_ok(&edit).await?;
    place.is_quiet().await?;
    place.condition("Injected", "False", "ApprovalPending").await?;
    let plan = place.binding().await?.status.and_then(|status| status.plan);
    let hash = plan.map(|plan| plan.hash).unwrap_or_default();
    let approval = format!("signer.atto.cash/approve={hash}");
    place.kubectl_ok(&["annotate", "sb", VOTER, &approval]).await?;
    place.condition("Injected", "True", "Injected").await?;
    let template = place.deployment().await?["spec"]["template"].to_string();
    assert!(
        template.contains("ATTO_SIGNER_LOG") && !template.contains("other:1"),
        "{template}"
    );
    Ok(())
}
