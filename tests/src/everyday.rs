//! The life of every voter: it gets a signer, its binding is changed, and it is released. With and without faults, each change
//! must be written once.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use crds::SignerBinding;
use crds::names::HASH_ANNOTATION;
use kube::Api;
use serde_json::{Value, json};

use crate::eventually;
use crate::operated::{Place, SOON, VOTER, binding, voter, with};

/// The stages, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Applied,
    Changed,
    Removed,
}

/// All stages.
pub const STAGES: [Stage; 3] = [Stage::Applied, Stage::Changed, Stage::Removed];

/// The result of a stage: the Deployment's spec and generation, its Service, and the binding's conditions. Without values that
/// depend on the namespace.
pub type Picture = Value;

/// Makes the change of this stage, as a person would.
pub async fn enter(place: &Place, stage: Stage) -> Result<()> {
    let removing = with(binding(), "/spec/deletionPolicy", json!("Remove"));
    match stage {
        Stage::Applied => {
            place.apply(&voter()).await?;
            place.apply(&removing).await
        }
        Stage::Changed => place.apply(&changed(&removing)).await,
        Stage::Removed => place
            .kubectl_ok(&["delete", "sb", VOTER, "--wait=false"])
            .await
            .map(drop),
    }
}

fn changed(binding: &Value) -> Value {
    with(binding.clone(), "/spec/signer", json!({ "logLevel": "debug" }))
}

/// The present result.
///
/// # Errors
/// If the operator reports that it is not done yet.
pub async fn picture(place: &Place) -> Result<Picture> {
    let bindings: Api<SignerBinding> = Api::namespaced(place.client.clone(), &place.namespace);
    let binding = bindings.get_opt(VOTER).await?;
    let status = binding.as_ref().and_then(|binding| binding.status.clone());
    if let Some(binding) = &binding {
        let seen = status.as_ref().and_then(|status| status.observed_generation);
        ensure!(seen == binding.metadata.generation, "the status is about an older spec");
    }
    let conditions = status.map(|status| status.conditions).unwrap_or_default();
    let mut deployment = place.deployment().await?;
    let annotations = &mut deployment["spec"]["template"]["metadata"]["annotations"];
    if annotations[HASH_ANNOTATION].is_string() {
        // Its hash of the token is salted with the namespace.
        annotations[HASH_ANNOTATION] = json!("…");
    }
    let services = place
        .kubectl_ok(&["get", "services", "-o", "jsonpath={.items[*].spec.selector}"])
        .await?;
    Ok(json!({
        "deployment": deployment["spec"],
        "generation": deployment["metadata"]["generation"],
        "services": services,
        "finalizers": binding.map(|binding| binding.metadata.finalizers),
        "conditions": conditions
            .iter()
            // The other conditions depend on the pods.
            .filter(|condition| ["Accepted", "TokenReady", "Injected"].contains(&condition.type_.as_str()))
            .map(|condition| json!([condition.type_, condition.status, condition.reason]))
            .collect::<Vec<_>>(),
    }))
}

/// Waits until the stage has this result. The generation shows that each change was written once.
pub async fn comes_to(place: &Place, stage: Stage, expected: &Picture) -> Result<()> {
    let within = 2 * SOON;
    eventually(within, &format!("{stage:?} in {}", place.namespace), async || {
        let found = picture(place).await?;
        ensure!(found == *expected, "{}", difference(expected, &found));
        Ok(())
    })
    .await
}

fn difference(expected: &Picture, found: &Picture) -> String {
    let text = |picture| serde_json::to_string_pretty(picture).unwrap_or_default();
    similar::TextDiff::from_lines(text(expected), text(found))
        .unified_diff()
        .to_string()
}

/// The result of each stage without a fault, as the first voter shows it.
pub async fn without_a_fault(place: &Place) -> Result<[Picture; 3]> {
    let mut pictures = [const { Value::Null }; 3];
    for (stage, kept) in STAGES.into_iter().zip(&mut pictures) {
        enter(place, stage).await?;
        *kept = eventually(SOON, &format!("{stage:?} without a fault"), async || {
            let found = picture(place).await?;
            let (signer, has_binding) = (
                &found["deployment"]["template"]["spec"]["initContainers"][0],
                !found["finalizers"].is_null(),
            );
            let is_done = match stage {
                Stage::Removed => !has_binding && signer.is_null() && found["services"] == "",
                _ => {
                    found["conditions"]
                        .to_string()
                        .contains(r#"["Injected","True","Injected"]"#)
                        && signer.to_string().to_lowercase().contains("debug") == (stage == Stage::Changed)
                }
            };
            ensure!(is_done, "{found}");
            Ok(found)
        })
        .await?;
    }
    let generations: Vec<_> = pictures.iter().map(|picture| picture["generation"].clone()).collect();
    ensure!(generations == [2, 3, 4], "each change is one rollout: {generations:?}");
    Ok(pictures)
}

/// After all stages: each change of the Deployment was written successfully once, and nothing was created twice within one stage.
pub fn was_written_once(place: &Place) -> Result<()> {
    let (namespace, requests) = (&place.namespace, place.requests_of_operator()?);
    let written = requests
        .iter()
        .filter(|request| request.is_write() && request.succeeded());
    let (mut changes, mut created) = (0, BTreeSet::new());
    for request in written {
        changes += usize::from(request.resource() == "deployments");
        if request.verb != "create" {
            continue;
        }
        let mut body = request.request_object.clone().context("a creation without a body")?;
        for of_its_own in ["metadata", "eventTime"] {
            body[of_its_own] = Value::Null;
        }
        ensure!(
            created.insert((changes, body.to_string())),
            "{namespace}: created twice: {body}"
        );
    }
    ensure!(
        changes == STAGES.len(),
        "{namespace}: the Deployment was written {changes} times"
    );
    Ok(())
}
