//! An operator that renders differently restarts nobody's pods by itself, and a bound on rollouts is kept. One operator after
//! another, so this is one test in a binary of its own.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Operated, Place, SOON, VOTER, binding, secret, voter, with};
use tests::{ControlPlane, chart, eventually, pods};

/// An operator that has something to do does it within so long.
const QUIET: Duration = Duration::from_secs(3);

const IMAGE: &str = "ghcr.io/attocash/signer-operator/signer";

async fn operated(arguments: &[&str]) -> Result<&'static Operated> {
    let plane = ControlPlane::shared().await?;
    Ok(Box::leak(Box::new(Operated::start(plane, arguments).await?)))
}

async fn signer(place: &Place) -> Result<Value> {
    Ok(place.deployment().await?["spec"]["template"]["spec"]["initContainers"][0].clone())
}

async fn image_is(place: &Place, tag: &str) -> Result<()> {
    eventually(SOON, &format!("the signer {tag}"), async || {
        let found = signer(place).await?["image"].clone();
        ensure!(found == format!("{IMAGE}:{tag}"), "{found}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn operators_come_and_go() -> Result<()> {
    chart::install(ControlPlane::shared().await?.admin(), &[]).await?;
    let first = operated(&[&format!("--signer-image={IMAGE}:1")]).await?;
    let place = Place::on(first, "upgrade").await?;
    place.injected().await?;
    image_is(&place, "1").await?;
    first.stop()?;

    an_upgrade_that_would_be_refused_is_held_as_well(&place).await?;
    an_upgrade_is_held_until_the_next_change(&place).await?;
    upgrades_roll_at_once_where_that_is_wanted(&place).await?;
    as_many_roll_as_are_allowed_and_tokens_go_first().await?;
    two_that_do_not_know_of_each_other_do_not_replace_pods_in_turn().await
}

/// Nothing is to be written, so nothing has failed.
async fn an_upgrade_that_would_be_refused_is_held_as_well(place: &Place) -> Result<()> {
    let same = json!({"template": {"spec": {"initContainers": [{"name": "signer", "image": format!("{IMAGE}:1")}]}}});
    place.apply_spec_as("argocd", &same).await?;
    let newer = operated(&[&format!("--signer-image={IMAGE}:2")]).await?;
    place.condition("UpdateAvailable", "True", "UpdateAvailable").await?;
    place.condition("Injected", "True", "Injected").await?;
    image_is(place, "1").await?;
    newer.stop()?;
    place.apply_spec_as("argocd", &json!({})).await
}

async fn an_upgrade_is_held_until_the_next_change(place: &Place) -> Result<()> {
    let before = place.deployment().await?;
    let second = operated(&[&format!("--signer-image={IMAGE}:2")]).await?;
    let message = place.condition("UpdateAvailable", "True", "UpdateAvailable").await?;
    assert!(message.contains("--upgrades=roll"), "{message}");
    place.condition("Injected", "True", "Injected").await?;
    assert_eq!(place.deployment().await?["spec"], before["spec"]);
    let diff = eventually(SOON, "a plan", async || {
        let plan = place.binding().await?.status.and_then(|status| status.plan);
        plan.context("no plan")?.diff.context("no diff")
    })
    .await?;
    assert!(diff.contains(&format!("-   image: {IMAGE}:1")), "{diff}");
    assert!(diff.contains(&format!("+   image: {IMAGE}:2")), "{diff}");
    // The Deployment's own life goes on meanwhile.
    place
        .kubectl_ok(&["set", "image", "deployment/voter", "node=registry.example/node:2"])
        .await?;
    place.kubectl_ok(&["annotate", "sb", VOTER, "look=again"]).await?;
    place.condition("UpdateAvailable", "True", "UpdateAvailable").await?;
    image_is(place, "1").await?;
    place
        .apply(&with(binding(), "/spec/signer", json!({"logLevel": "debug"})))
        .await?;
    image_is(place, "2").await?;
    place.condition("UpdateAvailable", "False", "UpToDate").await?;
    second.stop()
}

async fn upgrades_roll_at_once_where_that_is_wanted(place: &Place) -> Result<()> {
    let third = operated(&[&format!("--signer-image={IMAGE}:3"), "--upgrades=roll"]).await?;
    image_is(place, "3").await?;
    // Its pods are never ready here, and it would take the one place of the next operator.
    place.kubectl_ok(&["scale", "deployment/voter", "--replicas=0"]).await?;
    third.stop()
}

/// Each Deployment is rolled out by hand, so that the test decides when a place becomes free.
async fn as_many_roll_as_are_allowed_and_tokens_go_first() -> Result<()> {
    let bounded = operated(&["--max-rollouts=1"]).await?;
    let [first, second, third, fourth, fifth] = [
        Place::on(bounded, "one").await?,
        Place::on(bounded, "two").await?,
        Place::on(bounded, "three").await?,
        Place::on(bounded, "four").await?,
        Place::on(bounded, "five").await?,
    ];
    for place in [&first, &second, &third, &fourth, &fifth] {
        place.injected().await?;
        pods::roll_out(&place.client, &place.namespace, VOTER).await?;
        place.condition("RolledOut", "True", "RolledOut").await?;
    }
    // Without a deadline, Kubernetes says by nothing but its counts that a rollout is over.
    let endless = json!({"spec": {"progressDeadlineSeconds": i32::MAX}}).to_string();
    let patch = ["patch", "deployment", VOTER, "--type=merge", "--patch", &endless];
    first.kubectl_ok(&patch).await?;
    let changed = with(binding(), "/spec/signer", json!({"logLevel": "debug"}));
    first.apply(&changed).await?;
    first.condition("Injected", "True", "Injected").await?;
    second.apply(&changed).await?;
    second.condition("Injected", "False", "RolloutQueued").await?;
    // A repair waits for nobody.
    let stranger = ["set", "image", "deployment/voter", "signer=registry.example/other:1"];
    fourth.pause().await?;
    fourth.kubectl_ok(&stranger).await?;
    eventually(SOON, "the repair", async || {
        let found = signer(&fourth).await?["image"].to_string();
        ensure!(!found.contains("other"), "{found}");
        Ok(())
    })
    .await?;
    fourth.resume().await?;
    pods::roll_out(&fourth.client, &fourth.namespace, VOTER).await?;
    // Nor does a voter that has lost its signer, although something else is new as well.
    fifth.apply(&changed).await?;
    fifth.condition("Injected", "False", "RolloutQueued").await?;
    fifth.kubectl_ok(&["rollout", "pause", "deployment/voter"]).await?;
    let paused = with(voter(), "/spec/paused", json!(true));
    fifth.replace(async || Ok(paused.clone())).await?;
    eventually(SOON, "the signer of a voter that has lost it", async || {
        let found = signer(&fifth).await?.to_string();
        ensure!(found.contains("ATTO_SIGNER_LOG"), "{found}");
        Ok(())
    })
    .await?;
    third
        .apply(&secret("token", "value", "another-token-of-more-than-32-bytes-0123"))
        .await?;
    third.kubectl_ok(&["annotate", "sb", VOTER, "look=again"]).await?;
    third.condition("TokenReady", "False", "RotationPending").await?;
    pods::roll_out(&first.client, &first.namespace, VOTER).await?;
    third.condition("TokenReady", "True", "TokenFound").await?;
    second.condition("Injected", "False", "RolloutQueued").await?;
    pods::roll_out(&third.client, &third.namespace, VOTER).await?;
    second.condition("Injected", "True", "Injected").await?;
    bounded.stop()
}

/// The chart in two namespaces, or `operator run` from a laptop: each has a Lease of its own, and another image.
async fn two_that_do_not_know_of_each_other_do_not_replace_pods_in_turn() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    let elsewhere = plane.namespace("z-elsewhere").await?;
    let lease = format!("--lease-namespace={elsewhere}");
    let images = [1, 2].map(|tag| format!("--signer-image={IMAGE}:{tag}"));
    let first = operated(&[&images[0], "--upgrades=roll"]).await?;
    let second = Operated::start_as(plane, plane.admin(), &[&images[1], "--upgrades=roll", &lease]).await?;
    let two = Place::on(first, "two").await?;
    two.injected().await?;
    let changed = with(binding(), "/spec/signer", json!({"logLevel": "debug"}));
    two.apply(&changed).await?;
    let message = two.condition("Accepted", "False", "Contested").await?;
    assert!(
        message.contains(&elsewhere) && message.contains("uninstall"),
        "{message}"
    );
    let state = async || -> Result<_> {
        let deployment = two.deployment().await?;
        let binding = two.binding().await?;
        Ok((
            deployment["metadata"]["generation"].clone(),
            binding.metadata.resource_version,
        ))
    };
    // Each write wakes both, so one that answered the other would do so within a moment.
    eventually(SOON, "both to write nothing", async || {
        let before = state().await?;
        tokio::time::sleep(QUIET).await;
        let after = state().await?;
        ensure!(after == before, "{before:?} became {after:?}");
        Ok(())
    })
    .await?;
    let generation = state().await?.0.as_i64().context("no generation")?;
    // One for each change, and one more of each operator before it has met the other.
    assert!((3..=6).contains(&generation), "{generation} generations");
    two.condition("Injected", "True", "Injected").await?;
    let status = two.binding().await?.status.context("no status")?;
    let operator = status.operator.context("nobody wrote it")?;
    assert_eq!(operator.lease_namespace.as_deref(), Some(chart::NAMESPACE));
    let told = two.events("SignerBinding").await?;
    assert!(told.iter().any(|(reason, _)| reason == "Contested"), "{told:?}");
    // It goes on serving.
    two.pause().await?;
    two.kubectl_ok(&["set", "image", "deployment/voter", "signer=registry.example/other:1"])
        .await?;
    image_is(&two, "1").await?;
    second.stop()?;
    first.stop()
}
