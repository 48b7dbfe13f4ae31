mod policy;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Operated, Place, VOTER, binding, voter, with};
use tests::replica_sets::is_whole;

use super::managed::{is_content, ours, settled, writes};
use policy::{MIRROR, defaults, enforce, images};

async fn place(prefix: &str) -> Result<Place> {
    let allowed = format!(
        "--set-json=allowedSignerImages=[\"ghcr.io/attocash/signer-operator/signer\",\"{MIRROR}ghcr.io/attocash/signer-operator/signer\"]"
    );
    Place::on(Operated::with_chart(&[&allowed]).await?, prefix).await
}

fn image(deployment: &Value, list: &str) -> String {
    let image = &deployment["spec"]["template"]["spec"][list][0]["image"];
    image.as_str().unwrap_or_default().to_owned()
}

/// Everyday changes are accepted, and the operator does not react to them.
async fn is_silent(place: &Place) -> Result<()> {
    is_content(place).await?;
    let ((before, sets), written) = (settled(place).await?, writes(place)?);
    for replicas in ["--replicas=2", "--replicas=1", "--replicas=2", "--replicas=1"] {
        place.kubectl_ok(&["scale", "deployment", VOTER, replicas]).await?;
        is_content(place).await?;
    }
    ensure!(
        writes(place)? == written,
        "{} writes for nothing",
        writes(place)? - written
    );
    place
        .kubectl_ok(&["set", "image", "deployment", VOTER, "node=registry.example/node:2"])
        .await?;
    is_content(place).await?;
    place.kubectl_ok(&["rollout", "restart", "deployment", VOTER]).await?;
    is_content(place).await?;
    let after = place.deployment().await?;
    let signer = |deployment: &Value| deployment["spec"]["template"]["spec"]["initContainers"].clone();
    ensure!(
        signer(&after) == signer(&before),
        "the signer has changed: {}",
        signer(&after)
    );
    ours(&after)?;
    ensure!(is_whole(&after["spec"]["template"]), "{after}");
    ensure!(
        writes(place)? == written,
        "{} writes for nothing",
        writes(place)? - written
    );
    let (_, more) = settled(place).await?;
    ensure!(
        more == sets + 2,
        "{} ReplicaSets for a new image and a restart",
        more - sets
    );
    let told = place.events("Deployment").await?;
    ensure!(told.iter().all(|(reason, _)| reason != "DriftRepaired"), "{told:?}");
    Ok(())
}

#[tokio::test]
async fn a_mirror_that_was_there_before_is_not_drift() -> Result<()> {
    let place = place("before").await?;
    enforce(&place, &images(MIRROR)).await?;
    let injected = place.injected().await?;
    ensure!(image(&injected, "initContainers").starts_with(MIRROR), "{injected}");
    is_silent(&place).await
}

#[tokio::test]
async fn a_mirror_that_comes_later_is_neither_drift_nor_refused() -> Result<()> {
    let place = place("later").await?;
    let injected = place.injected().await?;
    ensure!(image(&injected, "initContainers").starts_with("ghcr.io/"), "{injected}");
    enforce(&place, &images(MIRROR)).await?;
    place
        .kubectl_ok(&["set", "image", "deployment", VOTER, "node=registry.example/node:3"])
        .await?;
    let after = place.deployment().await?;
    for list in ["containers", "initContainers"] {
        ensure!(image(&after, list).starts_with(MIRROR), "{list}: {after}");
    }
    is_silent(&place).await
}

#[tokio::test]
async fn what_else_a_policy_sets_on_each_write_is_not_drift() -> Result<()> {
    let place = place("defaults").await?;
    enforce(&place, &defaults()).await?;
    let injected = place.injected().await?;
    let signer = &injected["spec"]["template"]["spec"]["initContainers"][0];
    ensure!(signer["resources"]["requests"]["cpu"] == "333m", "{signer}");
    ensure!(signer["env"].to_string().contains("HTTP_PROXY"), "{signer}");
    is_silent(&place).await
}

#[tokio::test]
async fn a_real_change_of_the_signer_is_still_put_back() -> Result<()> {
    let place = place("changed").await?;
    enforce(&place, &images(MIRROR)).await?;
    place.injected().await?;
    place.pause().await?;
    let before = place.deployment().await?;
    let edit = [
        "set",
        "env",
        "deployment",
        VOTER,
        "-c",
        "signer",
        "ATTO_SIGNER_PORT=9999",
    ];
    place.kubectl_ok(&edit).await?;
    tests::eventually(tests::operated::SOON, "the injection put back", async || {
        let after = place.deployment().await?["spec"].clone();
        ensure!(after == before["spec"], "{after}");
        Ok(())
    })
    .await?;
    place.told_once("DriftRepaired").await
}

#[tokio::test]
async fn a_mirror_that_is_not_allowed_is_told_with_its_image() -> Result<()> {
    let place = place("unknown").await?;
    enforce(&place, &images("unknown.example/")).await?;
    place.apply(&voter()).await?;
    place.apply(&binding()).await?;
    let message = place.condition("Injected", "False", "Rejected").await?;
    for words in [
        "unknown.example/ghcr.io/attocash/signer-operator/signer",
        "allowedSignerImages",
        "mirror",
    ] {
        ensure!(message.contains(words), "{words} is missing in {message}");
    }
    Ok(())
}

#[tokio::test]
async fn a_policy_that_has_not_seen_the_deployment_yet_is_told() -> Result<()> {
    let place = place("unseen").await?;
    place.apply(&voter()).await?;
    enforce(&place, &images(MIRROR)).await?;
    place.apply(&binding()).await?;
    let message = place.condition("Injected", "False", "Rejected").await?;
    ensure!(
        message.contains("container node") && message.contains("kubectl annotate"),
        "{message}"
    );
    place
        .kubectl_ok(&["annotate", "deployment", VOTER, "written=again"])
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    // A removal is also a write of the operator.
    place
        .apply(&with(binding(), "/spec/deletionPolicy", json!("Remove")))
        .await?;
    is_silent(&place).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    ensure!(place.deployment().await?["spec"]["template"]["spec"]["initContainers"].is_null());
    Ok(())
}
