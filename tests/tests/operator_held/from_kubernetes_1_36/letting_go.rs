//! A held Deployment is resumed once no binding names it, and is not changed while a binding does.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::eventually;
use tests::hold::{is_held, is_resumed, tried};
use tests::operated::{Place, SOON, binding, voter, with};
use tests::operator_process;

use super::held::{BINDING, DEPLOYMENT, Held, second_binding};

async fn is_let_go(held: &Held) -> Result<()> {
    eventually(2 * SOON, "the Deployment is let go", async || {
        is_resumed(&held.place.deployment().await?)
    })
    .await?;
    eventually(SOON, "an Event of it", async || {
        let events = held.place.events("Deployment").await?;
        ensure!(events.iter().any(|(reason, _)| reason == "LetGo"), "{events:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_waits_says_for_what_and_is_let_go_when_its_binding_goes() -> Result<()> {
    let held = Held::without_token("let-go").await?;
    held.place.apply(&voter()).await?;
    let message = held
        .has_never_begun_and_waits_for("It waits for: SecretNotFound: ")
        .await?;
    ensure!(message.starts_with("Deployment voter is held: "), "{message}");
    held.place.condition("Ready", "False", "SecretNotFound").await?;
    held.place.told_once("HeldForSigner").await?;
    let admin = held.place.operated.plane.admin();
    let explain = ["explain", "--namespace", &held.place.namespace, DEPLOYMENT];
    let (code, said) = operator_process::command(admin, &explain).await?;
    for part in [
        "is held (paused since it was created",
        "RolledOut=False (HeldForSigner): Deployment voter is held",
    ] {
        ensure!(code == Some(0) && said.contains(part), "{part:?} is missing in {said}");
    }
    held.place.kubectl_ok(&["delete", "sb", BINDING]).await?;
    is_let_go(&held).await
}

#[tokio::test]
async fn what_is_injected_between_hold_and_end_of_its_binding_goes_on_whole() -> Result<()> {
    let held = Held::new("injected").await?;
    held.place.apply(&binding()).await?;
    held.place.apply(&voter()).await?;
    held.goes_on_whole().await?;
    // The state between injection and resumption, with a binding that no longer writes.
    held.place.apply(&with(binding(), "/spec/suspend", json!(true))).await?;
    hold_by_hand(&held.place).await?;
    held.waits_for_a_person().await?;
    held.place.kubectl_ok(&["delete", "sb", BINDING]).await?;
    is_let_go(&held).await?;
    held.sets.are_whole().await
}

/// Holds an existing Deployment, as the policy does.
async fn hold_by_hand(place: &Place) -> Result<()> {
    let patch = json!({"metadata": {"annotations": {"signer.atto.cash/held": BINDING}}, "spec": {"paused": true}});
    let patch = ["patch", DEPLOYMENT, "--type=merge", "-p", &patch.to_string()];
    place.kubectl_ok(&patch).await.map(drop)
}

#[tokio::test]
async fn what_a_suspended_binding_holds_waits_for_it_or_for_a_person() -> Result<()> {
    let held = Held::without_token("suspended").await?;
    held.place.apply(&voter()).await?;
    held.has_never_begun_and_waits_for("SecretNotFound").await?;
    held.place.apply(&with(binding(), "/spec/suspend", json!(true))).await?;
    held.bring_the_token().await?;
    held.has_never_begun_and_waits_for("It waits for: Suspended: spec.suspend is true")
        .await?;
    // The policy sees the change a moment later.
    eventually(SOON, "a person resumes it", async || {
        let answer = held.place.kubectl(&["rollout", "resume", DEPLOYMENT], "").await?;
        ensure!(answer.succeeded, "{}", answer.stderr);
        Ok(())
    })
    .await?;
    // From then on, a pause is the person's, and the annotation must not remain.
    eventually(SOON, "the annotation is gone", async || {
        is_resumed(&held.place.deployment().await?)
    })
    .await?;
    held.place.kubectl_ok(&["rollout", "pause", DEPLOYMENT]).await?;
    held.place.apply(&binding()).await?;
    held.place.condition("Injected", "True", "Injected").await?;
    held.place.is_quiet().await?;
    ensure!(held.place.deployment().await?["spec"]["paused"] == true, "resumed");
    Ok(())
}

#[tokio::test]
async fn another_binding_takes_over_what_is_held() -> Result<()> {
    let held = Held::without_token("two").await?;
    // The younger binding has everything that it needs, but the older one takes precedence.
    held.place
        .apply(&tests::operated::secret("another", "value", tests::operated::TOKEN))
        .await?;
    let token = json!({"name": "another", "key": "value"});
    held.place
        .apply(&with(second_binding(), "/spec/tokenSecretRef", token))
        .await?;
    held.place.apply(&voter()).await?;
    held.place
        .condition_of("younger", "Accepted", "False", "TargetTaken")
        .await?;
    held.has_never_begun_and_waits_for("SecretNotFound").await?;
    held.place.kubectl_ok(&["delete", "sb", BINDING]).await?;
    held.place
        .condition_of("younger", "Injected", "True", "Injected")
        .await?;
    eventually(SOON, "the resumed Deployment", async || {
        is_resumed(&held.place.deployment().await?)
    })
    .await?;
    held.sets.are_whole().await
}

#[tokio::test]
async fn who_is_selected_no_more_is_let_go() -> Result<()> {
    let held = Held::new("unselected").await?;
    held.lose_the_token().await?;
    let selector = json!({"selector": {"matchLabels": {"app": "voter"}}});
    held.place.apply(&with(binding(), "/spec/target", selector)).await?;
    eventually(SOON, "a binding that the API server knows", async || {
        ensure!(tried(&held.place, &voter()).await?.is_some(), "not held");
        Ok(())
    })
    .await?;
    held.place.apply(&voter()).await?;
    held.has_never_begun_and_waits_for("SecretNotFound").await?;
    held.place
        .kubectl_ok(&["label", DEPLOYMENT, "app=other", "--overwrite"])
        .await?;
    is_let_go(&held).await
}

#[tokio::test]
async fn a_held_deployment_that_is_deleted_is_held_again() -> Result<()> {
    let held = Held::without_token("deleted").await?;
    held.place.apply(&voter()).await?;
    held.has_never_begun_and_waits_for("SecretNotFound").await?;
    held.place.kubectl_ok(&["delete", DEPLOYMENT]).await?;
    held.place.apply(&voter()).await?;
    is_held(&held.place.deployment().await?)?;
    held.bring_the_token().await?;
    held.goes_on_whole().await
}

impl Held {
    async fn waits_for_a_person(&self) -> Result<()> {
        let message = self.place.condition("RolledOut", "False", "HeldForSigner").await?;
        ensure!(
            message.ends_with("spec.suspend to be false, or for a person to resume it"),
            "{message}"
        );
        Ok(())
    }
}
