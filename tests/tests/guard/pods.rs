//! Pods that differ from their Deployment's template.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::eventually;
use tests::operated::{Place, SOON, VOTER};
use tests::pods::default_account;

use super::guarded::row::{Step, container, injected};
use super::guarded::{place, plain};

const REFUSAL: &str = "this pod would start without its signer: ";

/// A pod of the voter's template.
async fn pod(place: &Place) -> Result<Value> {
    let mut deployment = injected(place, plain()).await?;
    let template = deployment["spec"]["template"].take();
    let metadata = json!({"name": "by-hand", "annotations": template["metadata"]["annotations"]});
    Ok(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}))
}

#[tokio::test]
async fn a_pod_with_our_annotation_needs_its_signer() -> Result<()> {
    let place = place().await?;
    let whole = pod(&place).await?;
    // Wrapped in a template, so that the helper functions for a Deployment can change it.
    let changed = |change: fn(&mut Value)| {
        let mut wrapped = json!({"spec": {"template": {"spec": whole["spec"].clone()}}});
        change(&mut wrapped);
        let mut pod = whole.clone();
        pod["spec"] = wrapped["spec"]["template"]["spec"].take();
        pod
    };
    let as_of_old: fn(&mut Value) = |live| {
        let signer = container(live, "initContainers", "signer");
        for field in ["restartPolicy", "startupProbe", "livenessProbe"] {
            signer[field] = Value::Null;
        }
    };
    let elsewhere: fn(&mut Value) = |live| container(live, "containers", "node")["env"][1]["value"] = json!("LOCAL");
    let create = ["create", "--dry-run=server", "-f", "-"];
    for (name, pod, words) in [
        (
            "rebuilt with types that know no native sidecar",
            changed(as_of_old),
            "init container signer with restartPolicy Always is missing",
        ),
        (
            "without the signer",
            changed(|live| live["spec"]["template"]["spec"]["initContainers"] = json!([])),
            "init container signer with restartPolicy",
        ),
        (
            "with another backend",
            changed(elsewhere),
            "container node: ATTO_SIGNER_BACKEND is not REMOTE",
        ),
        (
            "without the variables",
            changed(|live| container(live, "containers", "node")["env"] = json!([])),
            "no container has the variables ATTO_SIGNER_BACKEND, ATTO_SIGNER_REMOTE_URL, ATTO_SIGNER_REMOTE_TOKEN",
        ),
    ] {
        let answer = place.kubectl(&create, &pod.to_string()).await?;
        let told = answer.stderr.contains(REFUSAL) && answer.stderr.contains(words);
        assert!(!answer.succeeded && told, "{name}: {}{}", answer.stdout, answer.stderr);
    }
    let foreign: fn(&mut Value) = |live| {
        // Fields that a service mesh adds, and fields that GKE Autopilot rewrites.
        let list = &mut live["spec"]["template"]["spec"]["initContainers"];
        list.as_array_mut()
            .into_iter()
            .for_each(|list| list.insert(0, json!({"name": "mesh", "image": "registry.example/mesh:1"})));
        container(live, "initContainers", "signer")["resources"] = json!({"requests": {"cpu": "250m"}});
    };
    for pod in [whole.clone(), changed(foreign)] {
        let answer = place.kubectl(&create, &pod.to_string()).await?;
        ensure!(answer.succeeded, "{}", answer.stderr);
    }
    Ok(())
}

/// A request of `kubectl scale` contains no template to check.
#[tokio::test]
async fn what_was_taken_apart_at_0_replicas_starts_no_pod_and_the_deployment_says_why() -> Result<()> {
    let place = place().await?;
    injected(&place, plain()).await?;
    place.kubectl_ok(&["delete", "signerbinding", VOTER]).await?;
    let scale = |replicas| ["scale", "deployment/voter", replicas];
    place.kubectl_ok(&scale("--replicas=0")).await?;
    let strip = Step::Edit(|live| live["spec"]["template"]["spec"]["initContainers"] = json!([]));
    let answer = strip.take(&place).await?;
    ensure!(answer.succeeded, "{}", answer.stderr);
    place.kubectl_ok(&scale("--replicas=1")).await?;
    eventually(SOON, "the refusal of the pod in the Deployment's status", async || {
        let found = place.deployment().await?["status"]["conditions"].clone();
        let mut conditions = found.as_array().into_iter().flatten();
        let told = conditions.any(|each| {
            let message = each["message"].as_str().unwrap_or_default();
            each["type"] == "ReplicaFailure" && message.contains(REFUSAL)
        });
        ensure!(told, "{found}");
        Ok(())
    })
    .await?;
    let pods = place.kubectl_ok(&["get", "pods", "-o", "name"]).await?;
    assert_eq!(pods, "");
    Ok(())
}

/// Only creation is checked. A running pod can be changed, and can end.
#[tokio::test]
async fn a_pod_that_runs_without_its_signer_is_not_kept_from_ending() -> Result<()> {
    let place = place().await?;
    default_account(&place.client, &place.namespace).await?;
    let bare = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "bare", "finalizers": ["example.com/held"]},
        "spec": {"containers": [{"name": "node", "image": "registry.example/node:1"}]},
    });
    place.apply(&bare).await?;
    place
        .kubectl_ok(&["annotate", "pod", "bare", "signer.atto.cash/hash=h"])
        .await?;
    place.kubectl_ok(&["delete", "pod", "bare", "--wait=false"]).await?;
    place
        .kubectl_ok(&[
            "patch",
            "pod",
            "bare",
            "--type=merge",
            "-p",
            r#"{"metadata":{"finalizers":null}}"#,
        ])
        .await?;
    place
        .kubectl_ok(&["wait", "pod/bare", "--for=delete", "--timeout=60s"])
        .await?;
    Ok(())
}
