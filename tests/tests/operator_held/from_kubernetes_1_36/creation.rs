//! Every way to create a Deployment after its binding.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::hold::{is_held, is_resumed};
use tests::operated::{binding, voter, with};

use super::held::{DEPLOYMENT, Held};

async fn kubectl(held: &Held, arguments: &[&str], input: &Value) -> Result<()> {
    let answer = held.place.kubectl(arguments, &input.to_string()).await?;
    ensure!(answer.succeeded, "{arguments:?}: {}", answer.stderr);
    Ok(())
}

/// An existing, injected voter.
async fn injected(prefix: &str) -> Result<Held> {
    let held = Held::new(prefix).await?;
    held.place.apply(&binding()).await?;
    held.place.apply(&voter()).await?;
    held.goes_on_whole().await?;
    Ok(held)
}

#[tokio::test]
async fn a_deployment_that_is_created_applied_or_applied_by_the_server_starts_whole() -> Result<()> {
    let ways: [(&str, &[&str]); 3] = [
        ("create", &["create", "-f", "-"]),
        ("apply", &["apply", "-f", "-"]),
        ("ssa", &["apply", "--server-side", "-f", "-"]),
    ];
    for (prefix, way) in ways {
        let held = Held::new(prefix).await?;
        held.place.apply(&binding()).await?;
        kubectl(&held, way, &voter()).await?;
        held.goes_on_whole().await?;
        held.place.told_once("Resumed").await?;
        // A field without a manager is neither restored nor removed by a manifest.
        if prefix != "create" {
            kubectl(&held, way, &voter()).await?;
            is_resumed(&held.place.deployment().await?)?;
        }
        held.sets.are_whole().await?;
        ensure!(held.sets.count() == 1, "{prefix}: {} ReplicaSets", held.sets.count());
    }
    Ok(())
}

#[tokio::test]
async fn a_deployment_that_is_made_again_starts_whole() -> Result<()> {
    let held = injected("again").await?;
    held.place.kubectl_ok(&["delete", DEPLOYMENT]).await?;
    held.place.apply(&voter()).await?;
    held.goes_on_whole().await?;
    held.sets.come_to(2).await?;
    kubectl(&held, &["replace", "--force", "-f", "-"], &voter()).await?;
    held.goes_on_whole().await?;
    held.sets.come_to(3).await?;
    held.sets.are_whole().await
}

#[tokio::test]
async fn a_deployment_that_a_selector_finds_starts_whole() -> Result<()> {
    let held = Held::new("selector").await?;
    let selector =
        json!({"selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["voter", "other"]}]}});
    held.place.apply(&with(binding(), "/spec/target", selector)).await?;
    held.place.apply(&voter()).await?;
    held.goes_on_whole().await
}

#[tokio::test]
async fn binding_and_deployment_in_one_apply_start_whole() -> Result<()> {
    let held = Held::new("one-apply").await?;
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [binding(), voter()]});
    kubectl(&held, &["apply", "-f", "-"], &list).await?;
    held.goes_on_whole().await
}

#[tokio::test]
async fn what_is_held_stays_so_when_its_manifest_is_applied_again() -> Result<()> {
    let held = Held::without_token("applied-again").await?;
    held.place.apply(&voter()).await?;
    held.has_never_begun_and_waits_for("SecretNotFound").await?;
    held.place.apply(&voter()).await?;
    let changed = with(
        voter(),
        "/spec/template/spec/containers/0/image",
        json!("registry.example/node:2"),
    );
    held.place.apply(&changed).await?;
    kubectl(
        &held,
        &["apply", "--server-side", "--force-conflicts", "-f", "-"],
        &changed,
    )
    .await?;
    is_held(&held.place.deployment().await?)?;
    held.bring_the_token().await?;
    held.goes_on_whole().await
}

#[tokio::test]
async fn nobody_resumes_a_voter_before_its_signer_is_there() -> Result<()> {
    let held = Held::without_token("resumed").await?;
    // A person paused it, not the API server.
    held.place.apply(&with(voter(), "/spec/paused", json!(true))).await?;
    held.place.condition("TokenReady", "False", "SecretNotFound").await?;
    let resume = ["rollout", "resume", DEPLOYMENT];
    let answer = held.place.kubectl(&resume, "").await?;
    let told = format!(
        "would start Deployment voter without its signer: SignerBinding voter names it, and its signer is not injected yet. Wait for it: kubectl wait --for=condition=Injected signerbinding/voter --namespace {}",
        held.place.namespace
    );
    ensure!(!answer.succeeded && answer.stderr.contains(&told), "{}", answer.stderr);
    // It is not resumed at 0 replicas either, because `kubectl scale` could then start it.
    held.place.kubectl_ok(&["scale", DEPLOYMENT, "--replicas=0"]).await?;
    let answer = held.place.kubectl(&resume, "").await?;
    ensure!(!answer.succeeded && answer.stderr.contains(&told), "{}", answer.stderr);
    held.place.kubectl_ok(&["scale", DEPLOYMENT, "--replicas=1"]).await?;
    held.bring_the_token().await?;
    held.place.condition("Injected", "True", "Injected").await?;
    // A person who pauses a Deployment must resume it.
    held.place.is_quiet().await?;
    ensure!(held.place.deployment().await?["spec"]["paused"] == true, "resumed");
    held.place.kubectl_ok(&resume).await?;
    held.goes_on_whole().await
}

#[tokio::test]
async fn nobody_scales_a_voter_up_before_its_signer_is_there() -> Result<()> {
    let held = Held::new("scaled").await?;
    held.lose_the_token().await?;
    let none = with(voter(), "/spec/replicas", json!(0));
    held.place.apply(&none).await?;
    held.place.apply(&binding()).await?;
    held.place.condition("TokenReady", "False", "SecretNotFound").await?;
    let answer = held.place.kubectl(&["apply", "-f", "-"], &voter().to_string()).await?;
    ensure!(
        answer.stderr.contains("signer-operator-guard-resumption"),
        "{}",
        answer.stderr
    );
    held.bring_the_token().await?;
    held.place.condition("Injected", "True", "Injected").await?;
    held.place.apply(&voter()).await?;
    held.place.condition("Injected", "True", "Injected").await?;
    // The ReplicaSet was created with 0 replicas before the injection, so it has no pod.
    let pods = held.place.kubectl_ok(&["get", "pods", "-o", "name"]).await?;
    ensure!(pods.lines().count() <= 1, "{pods}");
    Ok(())
}
