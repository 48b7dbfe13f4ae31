//! Tools that keep the Deployment equal to a manifest: they and the operator do not undo each other's writes, and
//! nothing rolls twice, in either order of manifest and binding.

mod managed;

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use managed::{is_content, ours, settled, writes};
use serde_json::{Value, json};
use tests::eventually;
use tests::hold::{can_hold, holds, is_resumed, tried};
use tests::operated::{Place, SOON, TOKEN, VOTER, binding, secret, voter, with};

/// A tool that keeps the Deployment equal to its manifest.
#[derive(Clone, Copy, Debug)]
enum Keeper {
    /// `kubectl apply`, which Argo CD also uses by default.
    Kubectl,
    ServerSide,
    /// Argo CD with `ServerSideApply=true`.
    Argo,
    Flux,
    /// The three-way patch of Helm 3, which Helm 4 still has.
    HelmThreeWay,
    HelmServerSide,
}

impl Keeper {
    /// Applies the manifest to the cluster, as the tool does in each iteration of its loop.
    async fn keep(self, place: &Place, manifest: &Value) -> Result<()> {
        let apply = async |arguments: &[&str]| place.apply_with(manifest, arguments).await;
        match self {
            Self::Kubectl => apply(&[]).await,
            Self::ServerSide => apply(&["--server-side"]).await,
            Self::Argo => {
                apply(&[
                    "--server-side",
                    "--force-conflicts",
                    "--field-manager=argocd-controller",
                ])
                .await
            }
            Self::Flux => {
                apply(&[
                    "--server-side",
                    "--force-conflicts",
                    "--field-manager=kustomize-controller",
                ])
                .await
            }
            Self::HelmThreeWay => helm(place, manifest, "--server-side=false").await,
            Self::HelmServerSide => helm(place, manifest, "--server-side=true").await,
        }
    }
}

async fn helm(place: &Place, manifest: &Value, how: &str) -> Result<()> {
    let chart = chart_of(place, manifest)?.display().to_string();
    let namespace = ["--namespace", &place.namespace];
    let upgrade = ["upgrade", "--install", VOTER, &chart, how];
    let admin = place.operated.plane.admin();
    admin.helm(&[&upgrade[..], &namespace].concat()).await.map(drop)
}

/// A chart with only the manifest.
fn chart_of(place: &Place, manifest: &Value) -> Result<PathBuf> {
    let folder = place.operated.plane.directory().path().join(&place.namespace);
    std::fs::create_dir_all(folder.join("templates"))?;
    std::fs::write(
        folder.join("Chart.yaml"),
        json!({"apiVersion": "v2", "name": VOTER, "version": "1.0.0"}).to_string(),
    )?;
    std::fs::write(folder.join("templates/voter.yaml"), manifest.to_string())?;
    Ok(folder)
}

fn newer() -> Value {
    let mut newer = with(
        voter(),
        "/spec/template/spec/containers/0/image",
        json!("registry.example/node:2"),
    );
    newer["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "LOG", "value": "debug"}]);
    newer
}

async fn lives_with(keeper: Keeper, binding_first: bool) -> Result<()> {
    let place = Place::new("keeper").await?;
    let can_hold = can_hold(place.operated.plane).await?;
    if binding_first {
        if can_hold {
            holds(place.operated).await?;
        }
        place.apply(&binding()).await?;
        place.condition("Injected", "False", "DeploymentNotFound").await?;
        let held_for = tried(&place, &voter()).await?;
        ensure!(held_for.is_some() == can_hold, "a new voter is held for {held_for:?}");
        keeper.keep(&place, &voter()).await?;
    } else {
        keeper.keep(&place, &voter()).await?;
        place.apply(&binding()).await?;
    }
    place.condition("Injected", "True", "Injected").await?;
    eventually(SOON, "a voter that is not held any more", async || {
        is_resumed(&place.deployment().await?)
    })
    .await?;
    let (before, sets) = settled(&place).await?;
    // If Kubernetes cannot hold the Deployment, its pods start before the operator has seen it.
    ensure!(
        !(binding_first && can_hold) || sets == 1,
        "{sets} ReplicaSets of a voter that was held"
    );
    ensure!(sets <= 2, "{sets} ReplicaSets after one injection");
    ensure!(writes(&place)? == 1, "{} writes", writes(&place)?);

    for _ in 0..3 {
        keeper.keep(&place, &voter()).await?;
    }
    is_content(&place).await?;
    let (after, same) = settled(&place).await?;
    ensure!(
        after["spec"] == before["spec"],
        "the same manifest has changed: {}",
        after["spec"]
    );
    ensure!(same == sets, "a ReplicaSet for nothing");

    for _ in 0..2 {
        keeper.keep(&place, &newer()).await?;
    }
    is_content(&place).await?;
    let (after, more) = settled(&place).await?;
    ours(&after)?;
    let node = &after["spec"]["template"]["spec"]["containers"][0];
    ensure!(node["image"] == "registry.example/node:2", "{node}");
    ensure!(node["env"].to_string().contains("LOG"), "{node}");
    ensure!(!node["env"].to_string().contains("ATTO_PUBLIC_URI"), "{node}");
    ensure!(more == sets + 1, "{} ReplicaSets for one change", more - sets);
    ensure!(writes(&place)? == 1, "the operator has answered with a write");
    Ok(())
}

#[tokio::test]
async fn no_keeper_of_a_manifest_is_fought_in_either_order() -> Result<()> {
    use Keeper::{Argo, Flux, HelmServerSide, HelmThreeWay, Kubectl, ServerSide};
    let mut failed = vec![];
    for keeper in [Kubectl, ServerSide, Argo, Flux, HelmThreeWay, HelmServerSide] {
        let (first, last) = tokio::join!(lives_with(keeper, true), lives_with(keeper, false));
        for (order, result) in [("binding first", first), ("manifest first", last)] {
            if let Err(error) = result {
                failed.push(format!("{keeper:?}, {order}: {error:#}"));
            }
        }
    }
    if !failed.is_empty() {
        bail!("{}", failed.join("\n"));
    }
    Ok(())
}

/// Reloader's edit of a Deployment whose Secret has changed: a variable with a hash in the first container, or an annotation of the
/// template, by an update of its own.
fn reloaded(strategy: &str, hash: &str) -> Value {
    match strategy {
        "env-vars" => json!({"spec": {"template": {"spec": {"containers": [
            {"name": "node", "env": [{"name": "STAKATER_TOKEN_SECRET", "value": hash}]},
        ]}}}}),
        _ => json!({"spec": {"template": {"metadata": {"annotations": {
            "reloader.stakater.com/last-reloaded-from": format!("{{\"type\":\"SECRET\",\"name\":\"token\",\"hash\":\"{hash}\"}}"),
        }}}}}),
    }
}

async fn reload(place: &Place, strategy: &str, hash: &str) -> Result<()> {
    let patch = reloaded(strategy, hash).to_string();
    let command = [
        "patch",
        "deployment",
        VOTER,
        "--field-manager=Reloader",
        "--type=strategic",
        "-p",
        &patch,
    ];
    place.kubectl_ok(&command).await.map(drop)
}

#[tokio::test]
async fn a_reloader_rolls_once_more_and_takes_nothing() -> Result<()> {
    for strategy in ["env-vars", "annotations"] {
        let place = Place::new("reloader").await?;
        place.injected().await?;
        let (_, sets) = settled(&place).await?;
        reload(&place, strategy, "1").await?;
        is_content(&place).await?;
        let (after, more) = settled(&place).await?;
        ours(&after)?;
        ensure!(more == sets + 1, "{strategy}: {} ReplicaSets for its edit", more - sets);
        ensure!(
            writes(&place)? == 1,
            "{strategy}: the operator has answered with a write"
        );

        // The operator itself rolls for a changed token. If the Secret is not excluded from Reloader, a new value
        // causes two rollouts.
        place
            .apply(&secret("token", "value", "another-horse-battery-staple-0123456789"))
            .await?;
        is_content(&place).await?;
        eventually(SOON, "the operator's own write", async || {
            ensure!(writes(&place)? == 2, "{} writes", writes(&place)?);
            Ok(())
        })
        .await?;
        let (after, twice) = settled(&place).await?;
        ours(&after)?;
        ensure!(
            twice == more + 1,
            "{strategy}: {} ReplicaSets for the token",
            twice - more
        );
        ensure!(
            after["spec"]["template"]
                .to_string()
                .contains(if strategy == "env-vars" {
                    "STAKATER_TOKEN_SECRET"
                } else {
                    "last-reloaded-from"
                }),
            "{strategy}: its edit is gone"
        );
    }
    Ok(())
}

/// Tools that copy Secrets from elsewhere write them in each iteration of their loop, and some recreate them.
#[tokio::test]
async fn a_secret_that_is_written_again_with_the_same_token_rolls_nothing() -> Result<()> {
    let place = Place::new("rewritten").await?;
    place.injected().await?;
    let (before, sets) = settled(&place).await?;
    for turn in 0..4 {
        let mut again = secret("token", "value", TOKEN);
        again["metadata"]["annotations"] = json!({"reconcile.external-secrets.io/data-hash": turn.to_string()});
        again["metadata"]["labels"] = json!({"turn": turn.to_string()});
        again["stringData"]["another"] = json!(turn.to_string());
        if turn % 2 == 1 {
            place.kubectl_ok(&["delete", "secret", "token"]).await?;
        }
        place.apply(&again).await?;
        is_content(&place).await?;
        place.condition("TokenReady", "True", "TokenFound").await?;
    }
    let (after, same) = settled(&place).await?;
    ensure!(
        after["spec"] == before["spec"],
        "the Deployment has changed: {}",
        after["spec"]
    );
    ensure!(same == sets, "{} ReplicaSets for the same token", same - sets);
    ensure!(writes(&place)? == 1, "{} writes", writes(&place)?);
    Ok(())
}
