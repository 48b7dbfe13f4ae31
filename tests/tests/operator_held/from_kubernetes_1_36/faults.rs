//! Failures around a held Deployment: in the end it is complete, or it is held and a message names the missing part.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::operated::{TOKEN, VOTER, binding, secret, voter, with};

use super::held::{BINDING, Held};

#[tokio::test]
async fn a_plan_that_waits_for_an_approval_holds_it() -> Result<()> {
    let held = Held::new("manual").await?;
    held.place
        .apply(&with(binding(), "/spec/rollout", json!("Manual")))
        .await?;
    held.place.apply(&voter()).await?;
    held.has_never_begun_and_waits_for("It waits for: ApprovalPending: ")
        .await?;
    let hash = held
        .place
        .binding()
        .await?
        .status
        .and_then(|status| status.plan)
        .context("no plan")?
        .hash;
    let approve = format!("signer.atto.cash/approve={hash}");
    held.place.kubectl_ok(&["annotate", "sb", BINDING, &approve]).await?;
    held.goes_on_whole().await
}

#[tokio::test]
async fn other_containers_than_before_hold_it_until_they_are_right() -> Result<()> {
    let held = Held::new("containers").await?;
    held.place.apply(&binding()).await?;
    held.place.apply(&voter()).await?;
    held.goes_on_whole().await?;
    held.place.kubectl_ok(&["delete", "deployment", VOTER]).await?;
    let before = held.sets.count();
    let renamed = with(voter(), "/spec/template/spec/containers/0/name", json!("atto"));
    held.place.apply(&renamed).await?;
    let message = held.waits_for("ContainerNotFound: ").await?;
    ensure!(message.contains("atto, exporter"), "{message}");
    ensure!(held.sets.count() == before, "a ReplicaSet was made of what is held");
    let named = with(binding(), "/spec/target/container", json!("atto"));
    held.place.apply(&named).await?;
    held.goes_on_whole().await
}

#[tokio::test]
async fn a_namespace_that_is_restored_in_any_order_ends_whole() -> Result<()> {
    let held = Held::new("original").await?;
    held.place.apply(&binding()).await?;
    held.place.apply(&voter()).await?;
    held.goes_on_whole().await?;
    let whole = held.place.deployment().await?;
    let waiting = Held::without_token("waiting").await?;
    waiting.place.apply(&voter()).await?;
    waiting.has_never_begun_and_waits_for("SecretNotFound").await?;
    let held_backup = waiting.place.deployment().await?;
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (name, backup) in [("whole", backup(whole)), ("held", backup(held_backup))] {
        let objects = [backup, binding(), secret("token", "value", TOKEN)];
        let restored = orders.iter().map(|order| restore(name, &objects, *order));
        futures::future::try_join_all(restored).await?;
    }
    Ok(())
}

/// Without the fields that the API server has set.
fn backup(mut live: Value) -> Value {
    if let Some(metadata) = live["metadata"].as_object_mut() {
        metadata.retain(|field, _| ["name", "labels", "annotations"].contains(&field.as_str()));
    }
    live["status"] = Value::Null;
    live
}

async fn restore(name: &str, objects: &[Value; 3], order: [usize; 3]) -> Result<()> {
    let held = Held::new(&format!("restored-{name}")).await?;
    held.lose_the_token().await?;
    for index in order {
        let create = ["create", "-f", "-"];
        let answer = held.place.kubectl(&create, &objects[index].to_string()).await?;
        ensure!(answer.succeeded, "{order:?}: {}", answer.stderr);
    }
    held.goes_on_whole()
        .await
        .with_context(|| format!("{name} in the order {order:?}"))
}
