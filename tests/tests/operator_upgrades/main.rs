//! An operator that renders differently does not restart pods by itself, and the limit on rollouts is kept. The
//! operators run one after another, so this is one test in a separate binary.

mod two_operators;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Operated, Place, SOON, VOTER, binding, secret, voter, with};
use tests::{ControlPlane, chart, eventually, pods};

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

/// With more threads than one, because the proxy must answer while the test waits for a program's end.
#[tokio::test(flavor = "multi_thread")]
async fn operators_come_and_go() -> Result<()> {
    chart::install(ControlPlane::shared().await?.admin(), &[]).await?;
    let first = operated(&[&format!("--signer-image={IMAGE}:1")]).await?;
    let place = Place::on(first, "upgrade").await?;
    place.injected().await?;
    image_is(&place, "1").await?;
    first.stop()?;

    an_upgrade_that_would_be_refused_is_held_as_well(&place).await?;
    an_upgrade_is_held_until_the_next_change(&place).await?;
    an_edit_of_the_signer_is_repaired_while_an_upgrade_is_held(&place).await?;
    upgrades_roll_at_once_where_that_is_wanted(&place).await?;
    as_many_roll_as_are_allowed_and_tokens_go_first().await?;
    two_operators::that_do_not_know_of_each_other_do_not_replace_pods_in_turn().await
}

/// Nothing must be written, so nothing has failed.
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
    // Other changes of the Deployment still work meanwhile.
    place
        .kubectl_ok(&["set", "image", "deployment/voter", "node=registry.example/node:2"])
        .await?;
    place.kubectl_ok(&["annotate", "sb", VOTER, "look=again"]).await?;
    place.condition("UpdateAvailable", "True", "UpdateAvailable").await?;
    image_is(place, "1").await?;
    a_refusal_does_not_end_the_wait(place).await?;
    image_is(place, "1").await?;
    place
        .apply(&with(binding(), "/spec/signer", json!({"logLevel": "debug"})))
        .await?;
    image_is(place, "2").await?;
    place.condition("UpdateAvailable", "False", "UpToDate").await?;
    second.stop()
}

/// A port of the node that the signer has too is refused, without a change of the binding.
async fn a_refusal_does_not_end_the_wait(place: &Place) -> Result<()> {
    let path = "/spec/template/spec/containers/1/ports";
    let taken = json!([{"op": "add", "path": path, "value": [{"containerPort": 9091}]}]).to_string();
    let free = json!([{"op": "remove", "path": path}]).to_string();
    for _ in 0..2 {
        let add = ["patch", "deployment", VOTER, "--type=json", "-p", &taken];
        place.kubectl_ok(&add).await?;
        place.condition("Injected", "False", "PortConflict").await?;
        let remove = ["patch", "deployment", VOTER, "--type=json", "-p", &free];
        place.kubectl_ok(&remove).await?;
        place.condition("Injected", "True", "Injected").await?;
        place.condition("UpdateAvailable", "True", "UpdateAvailable").await?;
    }
    Ok(())
}

/// The signer cannot stay as it was edited, and the rendering before the edit is no longer known. The repair therefore
/// writes the new one. Each operator has another image, so each of them holds an upgrade.
async fn an_edit_of_the_signer_is_repaired_while_an_upgrade_is_held(place: &Place) -> Result<()> {
    const PORT: &str = "ATTO_SIGNER_PORT";
    let set = ["set", "env", "deployment/voter", "-c", "signer"];
    let args = json!({"spec": {"template": {"spec": {"initContainers": [{"name": "signer", "args": ["--help"]}]}}}})
        .to_string();
    let by_our_name = "--field-manager=signer-operator";
    let changed = [&set[..], &["ATTO_SIGNER_PORT=9999"]].concat();
    let removed = [&set[..], &["ATTO_SIGNER_PORT-", by_our_name]].concat();
    let added = vec!["patch", "deployment", VOTER, "-p", &args, by_our_name];
    let before = signer(place).await?["env"].clone();
    assert!(before.to_string().contains(PORT), "{before}");
    for (tag, edit, while_it_runs) in [("3", changed, true), ("4", removed, false), ("5", added, true)] {
        let hold = async || {
            let operated = operated(&[&format!("--signer-image={IMAGE}:{tag}")]).await?;
            Ok::<_, anyhow::Error>(operated)
        };
        let running = if while_it_runs { Some(hold().await?) } else { None };
        if while_it_runs {
            place.condition("UpdateAvailable", "True", "UpdateAvailable").await?;
        }
        place.pause().await?;
        place.kubectl_ok(&edit).await?;
        let running = match running {
            Some(running) => running,
            None => hold().await?,
        };
        eventually(SOON, &format!("the signer repaired after {edit:?}"), async || {
            let found = signer(place).await?;
            ensure!(found["env"] == before && found["args"].is_null(), "{found}");
            Ok(())
        })
        .await?;
        image_is(place, tag).await?;
        place.condition("UpdateAvailable", "False", "UpToDate").await?;
        place.tells("Deployment", "DriftRepaired").await?;
        place.resume().await?;
        running.stop()?;
    }
    Ok(())
}

async fn upgrades_roll_at_once_where_that_is_wanted(place: &Place) -> Result<()> {
    let third = operated(&[&format!("--signer-image={IMAGE}:6"), "--upgrades=roll"]).await?;
    image_is(place, "6").await?;
    // Its pods are never ready here, so it would keep the only place of the next operator.
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
    // Without a deadline, only Kubernetes' counts show that a rollout is complete.
    let endless = json!({"spec": {"progressDeadlineSeconds": i32::MAX}}).to_string();
    let patch = ["patch", "deployment", VOTER, "--type=merge", "--patch", &endless];
    first.kubectl_ok(&patch).await?;
    let changed = with(binding(), "/spec/signer", json!({"logLevel": "debug"}));
    first.apply(&changed).await?;
    first.condition("Injected", "True", "Injected").await?;
    second.apply(&changed).await?;
    second.condition("Injected", "False", "RolloutQueued").await?;
    // A repair does not wait.
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
    // A voter that has lost its signer does not wait either, although it has another change as well.
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
