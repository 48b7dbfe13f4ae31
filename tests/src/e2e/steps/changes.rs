//! Changes that people make to a voter that signs.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::super::Suite;
use super::super::cluster::PATIENCE;
use super::super::google::{FIRST_KEY_VERSION, SECOND_KEY_VERSION};
use super::super::voter::token;
use super::{becomes, change, rolled};
use crate::eventually;

pub async fn tokens(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let (sets, reports) = (cluster.replica_sets().await?, suite.cluster.reported().await?);
    cluster.apply(&token("token-2", "b")).await?;
    change(suite, &json!({"spec": {"tokenSecretRef": {"name": "token-2"}}})).await?;
    rolled(suite, sets, reports).await?;
    suite.holds("a token of another name: one rollout, no vote lost");

    let (sets, reports) = (cluster.replica_sets().await?, suite.cluster.reported().await?);
    cluster.apply(&token("token-2", "c")).await?;
    rolled(suite, sets, reports).await?;
    suite.holds("a token changed in place: one rollout, no vote lost");
    Ok(())
}

pub async fn changes(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let (sets, reports) = (cluster.replica_sets().await?, suite.cluster.reported().await?);
    change(suite, &json!({"spec": {"signer": {"logLevel": "debug"}}})).await?;
    rolled(suite, sets, reports).await?;
    suite.holds("a change of the binding: one rollout");

    keys(suite).await?;

    let reports = suite.cluster.reported().await?;
    cluster.in_namespace(&["rollout", "pause", "deployment/voter"]).await?;
    cluster
        .in_namespace(&["set", "image", "deployment/voter", "signer=localhost/other:1"])
        .await?;
    eventually(PATIENCE, "the image put back", async || {
        let image =
            &cluster.get("deployment", "voter").await?["spec"]["template"]["spec"]["initContainers"][0]["image"];
        ensure!(*image == cluster.signer_with_kms(), "{image}");
        Ok(())
    })
    .await?;
    cluster.in_namespace(&["rollout", "resume", "deployment/voter"]).await?;
    cluster.condition("Ready", "True", "Ready").await?;
    suite.ready_pod().await?;
    ensure!(suite.cluster.reported().await? == reports, "the pod was replaced");
    suite.holds("drift is repaired");
    Ok(())
}

async fn keys(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let first = becomes(suite, "an address", |now| !now.is_empty()).await?;
    for (version, is_so) in [
        (SECOND_KEY_VERSION, &(|now: &str| now != first) as &dyn Fn(&str) -> bool),
        (FIRST_KEY_VERSION, &|now| now == first),
    ] {
        let (sets, reports) = (cluster.replica_sets().await?, cluster.reported().await?);
        change(suite, &json!({"spec": {"key": {"gcp": {"keyVersion": version}}}})).await?;
        if version == SECOND_KEY_VERSION {
            rolled(suite, sets, reports).await?;
        } else {
            // The previous template, whose ReplicaSet still exists.
            cluster.next_report(reports).await?;
        }
        becomes(suite, "the address of the other key version", is_so).await?;
    }
    cluster.condition("Ready", "True", "Ready").await?;
    suite.holds("another key version and back: one rollout each, another address and back");

    let key = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"value": "1".repeat(64)},
    });
    cluster.apply(&key).await?;
    let (sets, reports) = (cluster.replica_sets().await?, cluster.reported().await?);
    let local = json!({"gcp": null, "local": {"secretRef": {"name": "key", "key": "value"}}});
    change(
        suite,
        &json!({"spec": {"key": local, "workloadIdentity": null, "signer": {"image": null}}}),
    )
    .await?;
    rolled(suite, sets, reports).await?;
    becomes(suite, "another address", |now| now != first).await?;
    let reports = cluster.reported().await?;
    let mut spec = suite.binding()["spec"].take();
    spec["key"]["local"] = Value::Null;
    spec["tokenSecretRef"]["name"] = json!("token-2");
    change(suite, &json!({"spec": spec})).await?;
    cluster.next_report(reports).await?;
    becomes(suite, "the first address", |now| now == first).await?;
    cluster.condition("Ready", "True", "Ready").await?;
    suite.holds("a LOCAL key and back: another address and back");
    Ok(())
}

pub async fn image_that_does_not_exist(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let missing = cluster.signer_with_kms() + "-none";
    change(
        suite,
        &json!({"spec": {"signer": {"image": missing, "imagePullPolicy": "Never"}}}),
    )
    .await?;
    let message = cluster.condition("RolledOut", "False", "ErrImageNeverPull").await?;
    ensure!(message.contains(&missing), "{message}");
    cluster.condition("Ready", "False", "ErrImageNeverPull").await?;
    change(
        suite,
        &json!({"spec": {"signer": {"image": cluster.signer_with_kms(), "imagePullPolicy": null}}}),
    )
    .await?;
    cluster.condition("Ready", "True", "Ready").await?;
    let pod = suite.ready_pod().await?;
    suite.signs(&pod, 20).await?;
    suite.holds("an image that does not exist is reported, and its correction resolves the problem");
    Ok(())
}
