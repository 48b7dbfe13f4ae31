//! A token or a key was moved to another Secret, and a rollback, or an earlier export of the object, restores the old
//! one. On a running voter, the guard refuses this. On a paused voter, the operator restores its own fields.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::eventually;
use tests::kubeconfig::Answer;
use tests::operated::{Place, SOON, VOTER, secret};

use super::guarded::{documented, documented_with, place, plain, row};
use super::steps::TOKEN;

/// How the old Secret is restored.
#[derive(Clone, Copy, Debug)]
enum Way {
    Undo,
    UndoToRevision,
    ApplyAnExport,
    ReplaceByAnExport,
}

const WAYS: [Way; 4] = [
    Way::Undo,
    Way::UndoToRevision,
    Way::ApplyAnExport,
    Way::ReplaceByAnExport,
];

/// The reference that was moved to another Secret.
#[derive(Clone, Copy, Debug)]
enum Moved {
    Token,
    /// The manifest contains the three variables, and named the new Secret.
    TokenOfTheManifest,
    Key,
}

impl Moved {
    fn manifest(self) -> Value {
        match self {
            Self::TokenOfTheManifest => documented(),
            Self::Token | Self::Key => plain(),
        }
    }

    async fn move_it(self, place: &Place) -> Result<()> {
        let name = json!({"name": "new"});
        let (spec, old) = match self {
            Self::Token | Self::TokenOfTheManifest => (json!({"tokenSecretRef": name}), "token"),
            Self::Key => (json!({"key": {"local": {"secretRef": name}}}), "key"),
        };
        let value = match self {
            Self::Key => "1".repeat(64),
            Self::Token | Self::TokenOfTheManifest => "another-horse-battery-staple-0123456789".to_owned(),
        };
        place.apply(&secret("new", "value", &value)).await?;
        if matches!(self, Self::TokenOfTheManifest) {
            let source = json!({"secretKeyRef": {"name": "new", "key": "value"}});
            let variable = json!({"name": TOKEN, "valueFrom": source});
            place.apply(&documented_with(TOKEN, Some(variable))).await?;
        }
        let patch = json!({ "spec": spec }).to_string();
        place
            .kubectl_ok(&["patch", "signerbinding", VOTER, "--type=merge", "-p", &patch])
            .await?;
        // As the page describes, once no object names it.
        eventually(SOON, "the new Secret in signer and node", async || {
            let live = place.deployment().await?;
            let template = live["spec"]["template"].to_string();
            let names = |secret: &str| template.contains(&format!("\"name\":\"{secret}\""));
            ensure!(names("new") && !names(old), "{template}");
            ensure!(
                live["metadata"]["generation"] == live["status"]["observedGeneration"],
                "not seen yet"
            );
            Ok(())
        })
        .await?;
        place.condition("Injected", "True", "Injected").await?;
        place.kubectl_ok(&["delete", "secret", old]).await.map(drop)
    }
}

impl Way {
    async fn take(self, place: &Place, export: &Value) -> Result<Answer> {
        let input = export.to_string();
        match self {
            Self::Undo => place.kubectl(&["rollout", "undo", "deployment", VOTER], "").await,
            Self::UndoToRevision => {
                let undo = ["rollout", "undo", "deployment", VOTER, "--to-revision=2"];
                place.kubectl(&undo, "").await
            }
            Self::ApplyAnExport => place.kubectl(&["apply", "-f", "-"], &input).await,
            Self::ReplaceByAnExport => place.kubectl(&["replace", "-f", "-"], &input).await,
        }
    }
}

/// The output of `kubectl get -o yaml`, without the fields that prevent another apply.
async fn export(place: &Place) -> Result<Value> {
    let mut object = place.deployment().await?;
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|field, _| ["name", "namespace", "labels", "annotations"].contains(&field.as_str()));
    }
    Ok(object)
}

async fn brought_back(way: Way, moved: Moved) -> Result<()> {
    let place = place().await?;
    row::injected(&place, moved.manifest()).await?;
    let old = export(&place).await?;
    moved.move_it(&place).await?;
    let before = place.deployment().await?["spec"]["template"].clone();

    let answer = way.take(&place, &old).await?;
    ensure!(!answer.succeeded, "it was let through: {}", answer.stdout);
    ensure!(
        answer.stderr.contains("without its signer"),
        "not refused by the guard: {}",
        answer.stderr
    );

    place.kubectl_ok(&["rollout", "pause", "deployment", VOTER]).await?;
    let mut paused = old.clone();
    paused["spec"]["paused"] = json!(true);
    // `rollout undo` refuses a paused Deployment.
    let way = match way {
        Way::Undo | Way::UndoToRevision => {
            let patch = json!({"spec": {"template": old["spec"]["template"]}}).to_string();
            let patch = ["patch", "deployment", VOTER, "--type=merge", "-p", &patch];
            place.kubectl(&patch, "").await?
        }
        Way::ApplyAnExport | Way::ReplaceByAnExport => way.take(&place, &paused).await?,
    };
    ensure!(way.succeeded, "{}", way.stderr);
    eventually(SOON, "what the operator had written", async || {
        let now = place.deployment().await?["spec"]["template"].clone();
        ensure!(now == before, "{now}");
        Ok(())
    })
    .await?;
    place.condition("Injected", "True", "Injected").await?;
    place
        .kubectl_ok(&["rollout", "resume", "deployment", VOTER])
        .await
        .map(drop)
}

async fn each_way(moved: Moved) -> Result<()> {
    for way in WAYS {
        brought_back(way, moved)
            .await
            .with_context(|| format!("{way:?} after {moved:?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn an_old_token_does_not_come_back() -> Result<()> {
    each_way(Moved::Token).await
}

#[tokio::test]
async fn an_old_token_does_not_come_back_where_the_manifest_names_the_new_one() -> Result<()> {
    each_way(Moved::TokenOfTheManifest).await
}

#[tokio::test]
async fn an_old_key_does_not_come_back() -> Result<()> {
    each_way(Moved::Key).await
}
