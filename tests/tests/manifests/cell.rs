//! Tests one tool with one key, from the first apply to the removal of the signer.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::eventually;
use tests::hold;
use tests::operated::{Operated, Place, SOON, VOTER, binding, vault_key, with};
use tests::replica_sets::is_whole;
use tokio::sync::OnceCell;

use super::key::{Form, Key, manifest, newer};
use super::tool::Tool;

/// Without a key, all keys are absent.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub tool: Tool,
    pub key: Option<Key>,
    pub form: Form,
}

/// Waits until the API server applies the chart's policies.
pub async fn prepare() -> Result<()> {
    static READY: OnceCell<()> = OnceCell::const_new();
    READY.get_or_try_init(is_ready).await?;
    Ok(())
}

async fn is_ready() -> Result<()> {
    let operated = Operated::shared().await?;
    let can_hold = hold::can_hold(operated.plane).await?;
    if can_hold {
        hold::holds(operated).await?;
    }
    let place = Place::on(operated, "ready").await?;
    let with_key = manifest(Some(Key::Annotations), Form::Null);
    place.apply(&with_key).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    eventually(SOON, "the chart's policies at work", async || {
        let apply = ["apply", "--dry-run=server", "-f", "-", "-o", "json"];
        let answer = place.kubectl(&apply, &with_key.to_string()).await?;
        let told = format!("{}{}", answer.stdout, answer.stderr);
        let wanted = if can_hold {
            "signer.atto.cash/held"
        } else {
            "signer-operator-guard"
        };
        ensure!(told.contains(wanted), "{told}");
        Ok(())
    })
    .await
}

impl Cell {
    pub async fn outcome(self) -> Result<()> {
        let Self { tool, key, form } = self;
        let place = Place::on(Operated::shared().await?, "cell").await?;
        let manifest = |form| manifest(key, form);
        let apply = async |manifest: &Value, what: &'static str| tool.apply(&place, manifest).await.context(what);

        apply(&manifest(form), "the first apply").await?;
        let bare = place.deployment().await?;
        let removing = with(asked_for(key), "/spec/deletionPolicy", json!("Remove"));
        place.apply(&removing).await?;
        place.condition("Injected", "True", "Injected").await?;
        let injected = place.deployment().await?;
        ensure!(
            is_whole(&injected["spec"]["template"]),
            "not whole: {}",
            injected["spec"]["template"]
        );

        apply(&manifest(form), "the unchanged manifest").await?;
        let after = goes_on(&place).await?;
        ensure!(after["spec"] == injected["spec"], "it has changed: {}", after["spec"]);
        // A volume that the API server has restored has no recorded manager until the operator writes again.
        let is_put_back = key == Some(Key::Volumes) && super::deletes_by_null(tool, form);
        ensure!(
            is_put_back || ours(&after) == ours(&injected),
            "the operator does not hold it any more: {}",
            ours(&after)
        );
        let told = place.events("Deployment").await?;
        ensure!(told.iter().all(|(reason, _)| reason != "DriftRepaired"), "{told:?}");

        apply(&newer(manifest(form)), "a newer image").await?;
        is_there(&place, key, false).await?;
        if key.is_some() {
            apply(&newer(manifest(Form::Filled)), "something under the key").await?;
            is_there(&place, key, true).await?;
            apply(&newer(manifest(form)), "nothing under the key again").await?;
            is_there(&place, key, false).await?;
            // A removed key is deleted with everything under it, like a key that is null.
            if hold::can_hold(place.operated.plane).await? || !tool.computes_a_patch() {
                apply(&newer(manifest(Form::Absent)), "the key taken out").await?;
                is_there(&place, key, false).await?;
            }
        }
        no_set_is_bare(&place).await?;

        place
            .kubectl_ok(&["delete", "signerbinding", VOTER, "--timeout=60s"])
            .await?;
        let after = place.deployment().await?["spec"].clone();
        ensure!(after == newer(bare)["spec"], "removal leaves {after}");
        apply(&newer(manifest(Form::Absent)), "the manifest after the removal").await?;
        ensure!(
            place.deployment().await?["spec"] == after,
            "it changes what removal has left"
        );
        Ok(())
    }
}

/// A binding that writes under the key. Only a signer with files needs volumes.
fn asked_for(key: Option<Key>) -> Value {
    match key {
        Some(Key::Volumes) => with(binding(), "/spec/key", vault_key()),
        _ => binding(),
    }
}

/// The fields that are recorded as the operator's.
fn ours(deployment: &Value) -> Value {
    let entries = deployment["metadata"]["managedFields"].as_array().into_iter().flatten();
    let ours = entries.filter(|entry| entry["manager"] == "signer-operator" && entry["operation"] == "Apply");
    ours.map(|entry| entry["fieldsV1"].clone()).collect()
}

/// The Deployment, once the API server no longer holds it.
async fn goes_on(place: &Place) -> Result<Value> {
    eventually(SOON, "a voter that is not held any more", async || {
        let live = place.deployment().await?;
        hold::is_resumed(&live)?;
        Ok(live)
    })
    .await
}

/// Checks for the newer image, the signer, and the user's own fields under the key.
async fn is_there(place: &Place, key: Option<Key>, filled: bool) -> Result<()> {
    let live = goes_on(place).await?;
    let template = &live["spec"]["template"];
    ensure!(is_whole(template), "not whole: {template}");
    ensure!(
        template["spec"]["containers"][0]["image"] == "registry.example/node:2",
        "{template}"
    );
    ensure!(
        key.is_none_or(|key| key.is_filled(&live) == filled),
        "filled is not {filled}: {template}"
    );
    place.condition("Injected", "True", "Injected").await.map(drop)
}

/// Checks that of all ReplicaSets that had to start pods, only the ones from before the binding have no signer.
async fn no_set_is_bare(place: &Place) -> Result<()> {
    let sets: Value = serde_json::from_str(&place.kubectl_ok(&["get", "replicasets", "-o", "json"]).await?)?;
    let sets = sets["items"].as_array().map_or(&[][..], Vec::as_slice);
    let bare: Vec<_> = sets.iter().filter(|set| !is_whole(&set["spec"]["template"])).collect();
    ensure!(bare.len() <= 1, "{} ReplicaSets without a signer", bare.len());
    Ok(())
}
