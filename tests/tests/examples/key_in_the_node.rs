//! A voter with its key in a variable of the node gets a signer with the same key, and can go back.

use anyhow::{Result, ensure};
use serde_json::Value;
use tests::operated::{SOON, secret};
use tests::{eventually, pods};

use crate::support::Example;

const NAME: &str = "atto-voter-pk";
const DEPLOYMENT: &str = "deployment/atto-voter-pk";

/// The running voter, paused, with the strategy that the page sets first.
async fn paused() -> Result<Example> {
    let example = Example::with_token("key-in-the-node").await?;
    let place = &example.place;
    let key = secret("atto-voter-secrets", "ED25519_PRIVATE_KEY_HEX", &"1b".repeat(32));
    place.apply(&key).await?;
    example.apply("before/20-voter.yaml").await?;
    pods::roll_out(&place.client, &place.namespace, NAME).await?;
    let recreate = r#"--patch={"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}"#;
    place
        .kubectl_ok(&["patch", DEPLOYMENT, "--type=merge", recreate])
        .await?;
    place.kubectl_ok(&["rollout", "pause", DEPLOYMENT]).await?;
    example.apply("30-signerbinding.yaml").await?;
    example.injected().await?;
    ensure!(replica_sets(&example).await? == 1, "a pod was replaced while paused");
    Ok(example)
}

async fn replica_sets(example: &Example) -> Result<usize> {
    let sets = example.place.kubectl_ok(&["get", "replicasets", "-o", "name"]).await?;
    Ok(sets.lines().count())
}

fn has_the_key(deployment: &Value) -> bool {
    deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        .to_string()
        .contains("ATTO_PRIVATE_KEY")
}

#[tokio::test]
async fn the_signer_takes_over_the_key_of_the_node_in_one_rollout() -> Result<()> {
    let example = paused().await?;
    let place = &example.place;
    place.condition("Injected", "True", "Injected").await?;
    example.apply("while-paused/20-voter.yaml").await?;
    let deployment = example.object(DEPLOYMENT).await?;
    ensure!(!has_the_key(&deployment), "{deployment:#}");
    ensure!(example.has_signer(NAME).await?, "the manifest took the signer away");
    place.kubectl_ok(&["rollout", "resume", DEPLOYMENT]).await?;
    pods::roll_out(&place.client, &place.namespace, NAME).await?;
    eventually(SOON, "the one rollout", async || {
        let sets = replica_sets(&example).await?;
        ensure!(sets == 2, "{sets} ReplicaSets");
        Ok(())
    })
    .await?;
    // No warning about two voters with one key, or about a key in the pod.
    let warnings = place.binding().await?.status.unwrap_or_default().warnings;
    let warned: Vec<_> = warnings.iter().map(|warning| warning.reason.as_str()).collect();
    assert_eq!(warned, ["LocalKey"]);
    Ok(())
}

#[tokio::test]
async fn who_goes_back_before_the_pod_is_replaced_replaces_none() -> Result<()> {
    let example = paused().await?;
    let place = &example.place;
    example.apply("while-paused/20-voter.yaml").await?;
    example.apply("before/20-voter.yaml").await?;
    let remove = r#"--patch={"spec":{"deletionPolicy":"Remove"}}"#;
    place
        .kubectl_ok(&["patch", "signerbinding", "voter", "--type=merge", remove])
        .await?;
    let wait = [
        "wait",
        "signerbinding/voter",
        "--for=jsonpath={.metadata.finalizers[0]}=signer.atto.cash/remove",
        "--timeout=60s",
    ];
    place.kubectl_ok(&wait).await?;
    place
        .kubectl_ok(&["delete", "signerbinding", "voter", "--timeout=60s"])
        .await?;
    let deployment = example.object(DEPLOYMENT).await?;
    ensure!(has_the_key(&deployment), "{deployment:#}");
    ensure!(!example.has_signer(NAME).await?, "{deployment:#}");
    place.kubectl_ok(&["rollout", "resume", DEPLOYMENT]).await?;
    pods::roll_out(&place.client, &place.namespace, NAME).await?;
    assert_eq!(replica_sets(&example).await?, 1);
    Ok(())
}
