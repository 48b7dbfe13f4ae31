//! Whoever else keeps the Deployment as a manifest says it: nobody fights, nothing rolls twice, whether the manifest comes
//! first or the binding.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use tests::operated::{Place, SOON, VOTER, binding, voter, with};
use tests::{assets, chart, eventually};
use tokio::process::Command;

/// What keeps the Deployment.
#[derive(Clone, Copy, Debug)]
enum Keeper {
    /// `kubectl apply`, which is also what Argo CD does by default.
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
    /// Makes the cluster what the manifest says, as it does at every turn of its loop.
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
    let chart = chart_of(place, manifest)?;
    let helm = tokio::task::spawn_blocking(assets::helm).await??;
    let done = Command::new(helm)
        .args(["upgrade", "--install", VOTER, "--namespace", &place.namespace, how])
        .arg(chart)
        .env("KUBECONFIG", place.operated.plane.admin().path())
        .env_remove("HTTPS_PROXY")
        .env_remove("https_proxy")
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(
        done.status.success(),
        "helm upgrade {how}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}

/// A chart of nothing but the manifest.
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

/// The Deployment once its controller has seen the present spec, and how many ReplicaSets there are of it.
async fn settled(place: &Place) -> Result<(Value, usize)> {
    let deployment = eventually(SOON, "the Deployment's controller", async || {
        let deployment = place.deployment().await?;
        let (seen, is) = (
            &deployment["status"]["observedGeneration"],
            &deployment["metadata"]["generation"],
        );
        ensure!(seen == is, "it has seen {seen} of {is}");
        Ok(deployment)
    })
    .await?;
    let sets = place.kubectl_ok(&["get", "replicasets", "-o", "name"]).await?;
    Ok((deployment, sets.lines().count()))
}

/// How often the operator has written the Deployment.
fn writes(place: &Place) -> Result<usize> {
    let requests = place.operated.plane.requests()?;
    let ours = requests.iter().filter(|request| {
        request.user() == chart::OPERATOR
            && request.namespace() == place.namespace
            && request.resource() == "deployments"
            && request.is_write()
    });
    Ok(ours.count())
}

/// The operator has looked at the Deployment as it is, and found nothing to say.
async fn is_content(place: &Place) -> Result<()> {
    // The status is about this binding spec already, so ask for one more look.
    let labels = json!({"metadata": {"labels": {"looked-at": format!("{}", place.operated.plane.requests()?.len())}}});
    let seen = looks(place)?;
    place
        .kubectl_ok(&["patch", "deployment", VOTER, "--type=merge", "-p", &labels.to_string()])
        .await?;
    eventually(SOON, "the operator's next look", async || {
        ensure!(looks(place)? > seen, "none yet");
        Ok(())
    })
    .await?;
    place.condition("Injected", "True", "Injected").await.map(drop)
}

/// Every reconcile reads its binding once.
fn looks(place: &Place) -> Result<usize> {
    let requests = place.operated.plane.requests()?;
    let looks = requests.iter().filter(|request| {
        request.user() == chart::OPERATOR
            && request.namespace() == place.namespace
            && request.resource() == "signerbindings"
            && request.verb == "get"
    });
    Ok(looks.count())
}

fn ours(deployment: &Value) -> Result<()> {
    let pod = &deployment["spec"]["template"]["spec"];
    ensure!(pod["initContainers"][0]["name"] == "signer", "no signer: {pod}");
    let env = pod["containers"][0]["env"].to_string();
    for variable in ["BACKEND", "REMOTE_URL", "REMOTE_TOKEN"] {
        ensure!(env.contains(&format!("ATTO_SIGNER_{variable}")), "{env}");
    }
    Ok(())
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
    if binding_first {
        place.apply(&binding()).await?;
        place.condition("Injected", "False", "DeploymentNotFound").await?;
        keeper.keep(&place, &voter()).await?;
    } else {
        keeper.keep(&place, &voter()).await?;
        place.apply(&binding()).await?;
    }
    place.condition("Injected", "True", "Injected").await?;
    let (before, sets) = settled(&place).await?;
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

#[tokio::test]
async fn everyday_commands_cost_the_operator_no_write() -> Result<()> {
    let place = Place::new("everyday").await?;
    place.injected().await?;
    let (_, mut sets) = settled(&place).await?;
    let deployment = "deployment/voter";
    let scale = json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale",
        "metadata": {"name": VOTER, "namespace": place.namespace}, "spec": {"replicas": 2},
    });
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/voter/scale", place.namespace);
    // What is done, and whether it is another template.
    let commands: [(&[&str], bool); 8] = [
        (&["set", "image", deployment, "node=registry.example/node:2"], true),
        (&["set", "env", deployment, "-c", "node", "LOG=debug"], true),
        (
            &["set", "resources", deployment, "-c", "exporter", "--limits=cpu=200m"],
            true,
        ),
        (&["rollout", "restart", deployment], true),
        (&["rollout", "pause", deployment], false),
        (&["rollout", "resume", deployment], false),
        (&["scale", deployment, "--replicas=3"], false),
        // As an autoscaler does it.
        (&["replace", "--raw", &path, "-f", "-"], false),
    ];
    for (command, rolls) in commands {
        let answer = place.kubectl(command, &scale.to_string()).await?;
        ensure!(answer.succeeded, "{command:?}: {}", answer.stderr);
        is_content(&place).await?;
        let (after, now) = settled(&place).await?;
        ours(&after)?;
        assert_eq!(now, sets + usize::from(rolls), "ReplicaSets after {command:?}");
        sets = now;
    }
    assert_eq!(place.deployment().await?["spec"]["replicas"], 2);

    // Back to a template that has the signer: nothing is lost, and nothing is to be repaired.
    place.kubectl_ok(&["rollout", "undo", deployment]).await?;
    is_content(&place).await?;
    let (after, now) = settled(&place).await?;
    ours(&after)?;
    assert_eq!(now, sets);

    // An edit is a replacement by the whole live object.
    let edited = with(
        after,
        "/spec/template/spec/containers/1/image",
        json!("registry.example/exporter:2"),
    );
    let answer = place.kubectl(&["replace", "-f", "-"], &edited.to_string()).await?;
    ensure!(answer.succeeded, "{}", answer.stderr);
    is_content(&place).await?;
    ours(&settled(&place).await?.0)?;
    assert_eq!(writes(&place)?, 1, "one for the injection");

    // The injection still follows its binding, whoever has touched what is around it.
    place
        .apply(&with(binding(), "/spec/signer", json!({"logLevel": "debug"})))
        .await?;
    eventually(SOON, "the change of the binding", async || {
        let text = place.deployment().await?["spec"].to_string();
        ensure!(text.contains("ATTO_SIGNER_LOG"), "{text}");
        Ok(())
    })
    .await?;
    assert_eq!(writes(&place)?, 2);
    Ok(())
}

#[tokio::test]
async fn what_the_guard_refuses_leaves_the_operator_nothing_to_do() -> Result<()> {
    let place = Place::new("refused").await?;
    place.apply(&voter()).await?;
    settled(&place).await?;
    let before = place.injected().await?;
    settled(&place).await?;
    for (command, input) in [
        (&["rollout", "undo", "deployment/voter"][..], String::new()),
        (&["replace", "-f", "-"][..], voter().to_string()),
    ] {
        let refused = eventually(SOON, "the guard in force", async || {
            let answer = place
                .kubectl(&[command, &["--dry-run=server"]].concat(), &input)
                .await?;
            ensure!(!answer.succeeded, "{command:?} is let through");
            Ok(answer.stderr)
        })
        .await?;
        ensure!(refused.contains("container signer"), "{refused}");
        let answer = place.kubectl(command, &input).await?;
        ensure!(!answer.succeeded, "{command:?}: {}", answer.stdout);
    }
    is_content(&place).await?;
    assert_eq!(place.deployment().await?["spec"], before["spec"]);
    assert_eq!(writes(&place)?, 1);
    Ok(())
}
