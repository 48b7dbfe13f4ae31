//! Helpers of these tests: a running voter, and rules that refuse its next pod.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Place, SOON, VOTER, voter, with};
use tests::{eventually, pods};

/// A voter that ends its old pod before the new one starts, as the documentation requires, with memory limits.
pub fn recreating() -> Value {
    let mut manifest = with(voter(), "/spec/strategy", json!({"type": "Recreate"}));
    for (index, memory) in [(0, "1Gi"), (1, "64Mi")] {
        manifest["spec"]["template"]["spec"]["containers"][index]["resources"] =
            json!({"requests": {"memory": memory}, "limits": {"memory": memory}});
    }
    manifest
}

/// Applies it, and waits until its pod is ready.
pub async fn runs(place: &Place, manifest: &Value) -> Result<Value> {
    pods::default_account(&place.client, &place.namespace).await?;
    place.apply(manifest).await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    place.deployment().await
}

/// Waits for the refusal, and checks that the voter continues unchanged, with the same template and the same pod.
pub async fn is_left_alone(place: &Place, before: &Value) -> Result<String> {
    let message = place.condition("Injected", "False", "PodRejected").await?;
    assert_eq!(message, place.condition("Ready", "False", "PodRejected").await?);
    place.condition("Stalled", "True", "PodRejected").await?;
    let now = place.deployment().await?;
    assert_eq!(now["spec"], before["spec"], "something was written");
    assert_eq!(now["status"]["readyReplicas"], 1, "the voter does not run any more");
    Ok(message)
}

/// Waits for the injection and the new pod.
pub async fn is_injected_and_rolled_out(place: &Place) -> Result<()> {
    place.condition("Injected", "True", "Injected").await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    place.condition("RolledOut", "True", "RolledOut").await.map(drop)
}

/// A quota that is in force.
pub async fn quota(place: &Place, hard: &Value) -> Result<()> {
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": {"hard": hard},
    });
    place.apply(&quota).await?;
    eventually(SOON, "the quota in force", async || {
        let found = place
            .kubectl_ok(&["get", "resourcequota", "small", "-o", "json"])
            .await?;
        let found: Value = serde_json::from_str(&found)?;
        ensure!(found["status"]["hard"] == *hard, "{}", found["status"]);
        Ok(())
    })
    .await
}

/// The number of pods that the operator has tried in this namespace.
pub fn tried(place: &Place) -> Result<usize> {
    let requests = place.requests_of_operator()?;
    let tries = requests.iter().filter(|request| {
        request.verb == "create" && request.resource() == "pods" && request.code().is_some_and(|code| code < 400)
    });
    Ok(tries.count())
}

pub fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
}
