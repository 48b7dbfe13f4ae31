//! A binding with a selector serves each of its Deployments independently, and releases a Deployment that no longer
//! matches.

use anyhow::{Context, Result, ensure};
use crds::{Plan, TargetStatus};
use serde_json::{Value, json};
use tests::operated::{Place, SOON, VOTER, binding, voter, with};
use tests::{eventually, pods};

fn named(name: &str) -> Value {
    let mut deployment = with(voter(), "/metadata/name", json!(name));
    deployment["metadata"]["labels"] = json!({"app": name, "signed": "yes"});
    deployment["spec"]["selector"]["matchLabels"]["app"] = json!(name);
    deployment["spec"]["template"]["metadata"]["labels"]["app"] = json!(name);
    deployment
}

fn selecting() -> Value {
    let selector = json!({"matchExpressions": [{"key": "signed", "operator": "In", "values": ["yes", "true"]}]});
    with(binding(), "/spec/target", json!({"selector": selector}))
}

async fn template(place: &Place, name: &str) -> Result<Value> {
    let text = place.kubectl_ok(&["get", "deployment", name, "-o", "json"]).await?;
    Ok(serde_json::from_str::<Value>(&text)?["spec"]["template"].clone())
}

async fn injected(place: &Place, name: &str, expected: bool) -> Result<()> {
    eventually(SOON, &format!("{name} with a signer: {expected}"), async || {
        let found = template(place, name).await?["spec"]["initContainers"][0]["name"] == "signer";
        ensure!(found == expected, "it has one: {found}");
        Ok(())
    })
    .await
}

async fn target(place: &Place, name: &str) -> Result<Option<TargetStatus>> {
    let status = place.binding().await?.status.context("no status")?;
    Ok(status.targets.into_iter().find(|target| target.name == name))
}

async fn target_with(place: &Place, name: &str, reason: &str) -> Result<TargetStatus> {
    eventually(SOON, &format!("{name} with {reason}"), async || {
        let target = target(place, name).await?.context("not in status.targets")?;
        ensure!(target.reason == reason, "{}: {}", target.reason, target.message);
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn each_deployment_is_served_for_itself() -> Result<()> {
    let place = Place::new("many").await?;
    place.apply(&selecting()).await?;
    let message = place.condition("Injected", "False", "DeploymentNotFound").await?;
    assert!(message.contains("signed in (yes,true)"), "{message}");
    // The second one cannot be injected, which does not affect the first and the third.
    let taken = with(
        named("b"),
        "/spec/template/spec/containers/1/ports",
        json!([{"containerPort": 9090}]),
    );
    for deployment in [named("c"), taken, named("a")] {
        place.apply(&deployment).await?;
    }
    for name in ["a", "c"] {
        injected(&place, name, true).await?;
    }
    let message = place.condition("Injected", "False", "PortConflict").await?;
    assert!(message.contains("Deployment b"), "{message}");
    let status = place.binding().await?.status.context("no status")?;
    assert_eq!(status.selector.as_deref(), Some("signed in (yes,true)"));
    let listed: Vec<_> = status
        .targets
        .iter()
        .map(|target| (target.name.as_str(), target.injected))
        .collect();
    assert_eq!(listed, [("a", true), ("b", false), ("c", true)]);

    place.apply(&named("b")).await?;
    place.condition("Injected", "True", "Injected").await?;
    for name in ["a", "b", "c"] {
        pods::roll_out(&place.client, &place.namespace, name).await?;
    }
    place.condition("Ready", "True", "Ready").await?;
    let line = place.kubectl_ok(&["get", "sb", VOTER, "--no-headers"]).await?;
    assert!(line.contains(" 3/3 "), "{line}");
    Ok(())
}

#[tokio::test]
async fn a_deployment_that_stops_to_match_keeps_its_signer_under_retain() -> Result<()> {
    let place = Place::new("let-go").await?;
    place.apply(&named("a")).await?;
    place.apply(&named("b")).await?;
    place.apply(&selecting()).await?;
    place.condition("Injected", "True", "Injected").await?;
    let before = template(&place, "a").await?;
    place.kubectl_ok(&["label", "deployment", "a", "signed-"]).await?;
    target_with(&place, "a", "NoLongerSelected").await?;
    assert_eq!(template(&place, "a").await?, before);
    // Later changes of the binding do not change it either, because the binding no longer selects it.
    place
        .apply(&with(
            with(selecting(), "/spec/deletionPolicy", json!("Remove")),
            "/spec/signer",
            json!({"logLevel": "debug"}),
        ))
        .await?;
    eventually(SOON, "the change in the other Deployment", async || {
        let text = template(&place, "b").await?.to_string();
        ensure!(text.contains("ATTO_SIGNER_LOG"), "{text}");
        Ok(())
    })
    .await?;
    place.condition("Injected", "True", "Injected").await?;
    assert_eq!(template(&place, "a").await?, before);
    let told = place.events("Deployment").await?;
    let told = told.iter().filter(|(reason, _)| reason == "NoLongerSelected").count();
    assert_eq!(told, 1, "Events on the Deployment");
    // With its label, the binding selects it again.
    place.kubectl_ok(&["label", "deployment", "a", "signed=true"]).await?;
    eventually(SOON, "the change in the Deployment that is back", async || {
        let text = template(&place, "a").await?.to_string();
        ensure!(text.contains("ATTO_SIGNER_LOG"), "{text}");
        Ok(())
    })
    .await
}

fn removing() -> Value {
    with(selecting(), "/spec/deletionPolicy", json!("Remove"))
}

async fn leaves_the_list(place: &Place, name: &str) -> Result<()> {
    eventually(SOON, &format!("{name} to leave the list"), async || {
        ensure!(target(place, name).await?.is_none(), "it is in status.targets");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_deployment_that_wants_no_pods_and_stops_to_match_is_restored_under_remove() -> Result<()> {
    let place = Place::new("restored").await?;
    place.apply(&with(named("a"), "/spec/replicas", json!(0))).await?;
    place.apply(&named("b")).await?;
    let before = template(&place, "a").await?;
    place.apply(&removing()).await?;
    place.condition("Injected", "True", "Injected").await?;
    place.kubectl_ok(&["label", "deployment", "a", "signed-"]).await?;
    injected(&place, "a", false).await?;
    assert_eq!(template(&place, "a").await?, before);
    leaves_the_list(&place, "a").await?;
    injected(&place, "b", true).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    injected(&place, "b", false).await
}

#[tokio::test]
async fn a_running_voter_keeps_its_signer_although_a_label_goes() -> Result<()> {
    let place = Place::new("label").await?;
    for name in ["a", "b", "c"] {
        place.apply(&named(name)).await?;
    }
    let before = template(&place, "a").await?;
    place.apply(&removing()).await?;
    place.condition("Injected", "True", "Injected").await?;
    for name in ["a", "b"] {
        let kept = template(&place, name).await?;
        place.kubectl_ok(&["label", "deployment", name, "signed-"]).await?;
        let told = target_with(&place, name, "NoLongerSelected").await?;
        for part in [
            "keeps its signer",
            "scale the Deployment to 0",
            "signer.atto.cash/approve=",
        ] {
            assert!(told.message.contains(part), "{part:?} is missing in {}", told.message);
        }
        assert_eq!(template(&place, name).await?, kept);
    }
    let diff = plan(&place).await?.diff.context("no diff")?;
    for part in [
        "Deployment a",
        "Deployment b",
        "- initContainer signer",
        "ATTO_SIGNER_REMOTE_URL",
    ] {
        assert!(diff.contains(part), "{part:?} is missing in {diff}");
    }
    // The operator restores no Deployment without a decision: a pause is one for this Deployment, and an approval for
    // both.
    place.kubectl_ok(&["rollout", "pause", "deployment/b"]).await?;
    injected(&place, "b", false).await?;
    leaves_the_list(&place, "b").await?;
    injected(&place, "a", true).await?;
    let hash = eventually(SOON, "a plan about the other one alone", async || {
        let plan = place.binding().await?.status.and_then(|status| status.plan);
        let plan = plan.context("nothing to approve any more")?;
        let diff = plan.diff.unwrap_or_default();
        ensure!(!diff.contains("Deployment b"), "{diff}");
        Ok(plan.hash)
    })
    .await?;
    let approval = format!("signer.atto.cash/approve={hash}");
    place.kubectl_ok(&["annotate", "sb", VOTER, &approval]).await?;
    injected(&place, "a", false).await?;
    assert_eq!(template(&place, "a").await?, before);
    leaves_the_list(&place, "a").await?;
    injected(&place, "c", true).await?;
    // The approval was for that removal alone: the next one is a new decision.
    place.kubectl_ok(&["label", "deployment", "a", "signed=yes"]).await?;
    injected(&place, "a", true).await?;
    place.condition("Injected", "True", "Injected").await?;
    let kept = template(&place, "a").await?;
    place.kubectl_ok(&["label", "deployment", "a", "signed-"]).await?;
    let told = target_with(&place, "a", "NoLongerSelected").await?;
    assert!(told.message.contains("keeps its signer"), "{}", told.message);
    place.is_quiet().await?;
    assert_eq!(template(&place, "a").await?, kept);
    let approval = format!("signer.atto.cash/approve={}", plan(&place).await?.hash);
    assert!(told.message.contains(&approval), "{approval}: {}", told.message);
    // Changes of others leave the plan as it is.
    place.kubectl_ok(&["rollout", "restart", "deployment/a"]).await?;
    place.kubectl_ok(&["scale", "deployment/a", "--replicas=2"]).await?;
    target_with_pods(&place, "a", 2).await?;
    place.is_quiet().await?;
    assert!(approval.ends_with(&plan(&place).await?.hash), "another plan");
    place
        .kubectl_ok(&["annotate", "--overwrite", "sb", VOTER, &approval])
        .await?;
    injected(&place, "a", false).await
}

async fn target_with_pods(place: &Place, name: &str, pods: i32) -> Result<()> {
    eventually(SOON, &format!("{name} with {pods} pods"), async || {
        let target = target(place, name).await?.context("not in status.targets")?;
        ensure!(target.pods == pods, "{}", target.pods);
        Ok(())
    })
    .await
}

async fn plan(place: &Place) -> Result<Plan> {
    let status = place.binding().await?.status;
    status.and_then(|status| status.plan).context("nothing to approve")
}

#[tokio::test]
async fn a_deployment_made_again_gets_what_was_approved_for_it() -> Result<()> {
    let place = Place::new("made-again").await?;
    for name in ["a", "b"] {
        place.apply(&named(name)).await?;
    }
    place.apply(&selecting()).await?;
    place.condition("Injected", "True", "Injected").await?;
    let approved = template(&place, "a").await?;
    place
        .apply(&with(selecting(), "/spec/rollout", json!("Manual")))
        .await?;
    for policy in ["background", "foreground"] {
        let cascade = format!("--cascade={policy}");
        place.kubectl_ok(&["delete", "deployment", "a", &cascade]).await?;
        leaves_the_list(&place, "a").await?;
        // Others are served in the meantime, and nothing shows the absent one.
        place.condition("Injected", "True", "Injected").await?;
        place.is_quiet().await?;
        place.apply(&named("a")).await?;
        injected(&place, "a", true).await?;
        assert_eq!(template(&place, "a").await?, approved, "{policy}");
        place.condition("Injected", "True", "Injected").await?;
    }
    // One that never had a signer waits for its approval.
    place.apply(&named("c")).await?;
    target_with(&place, "c", "ApprovalPending").await?;
    // A change that was made while it was absent does not hold it back either: the node must not start without its signer.
    place.kubectl_ok(&["delete", "deployment", "a"]).await?;
    leaves_the_list(&place, "a").await?;
    place
        .apply(&with(
            with(selecting(), "/spec/rollout", json!("Manual")),
            "/spec/signer",
            json!({"logLevel": "debug"}),
        ))
        .await?;
    target_with(&place, "b", "ApprovalPending").await?;
    place.apply(&named("a")).await?;
    injected(&place, "a", true).await?;
    injected(&place, "c", false).await
}

#[tokio::test]
async fn the_oldest_binding_serves_a_deployment_that_two_select() -> Result<()> {
    let place = Place::new("two").await?;
    place.apply(&named("a")).await?;
    place.apply(&named("b")).await?;
    let by_name = with(
        with(binding(), "/metadata/name", json!("a-first")),
        "/spec/target/name",
        json!("a"),
    );
    place.apply(&by_name).await?;
    place.condition_of("a-first", "Injected", "True", "Injected").await?;
    place
        .apply(&with(selecting(), "/spec/deletionPolicy", json!("Remove")))
        .await?;
    let message = place.condition("Accepted", "False", "TargetTaken").await?;
    assert!(
        message.contains("a-first") && message.contains("Deployment a"),
        "{message}"
    );
    injected(&place, "b", true).await?;
    let generation = async |name: &str| {
        place
            .kubectl_ok(&["get", "deployment", name, "-o", "jsonpath={.metadata.generation}"])
            .await
    };
    let before = generation("a").await?;
    place.kubectl_ok(&["delete", "sb", "a-first"]).await?;
    place.condition("Injected", "True", "Injected").await?;
    assert_eq!(generation("a").await?, before, "the same key and token write nothing");
    Ok(())
}
