//! Pods of a voter that do not come from an edit of its Deployment: by a new Deployment, or by programs that change pods. None of
//! them may run without its signer.

use anyhow::{Context, Result, ensure};
use crds::kubernetes::MUTATING_POLICIES;
use serde_json::{Value, json};

use super::super::Suite;
use super::super::cluster::{NAMESPACE, PATIENCE};
use super::super::voter::{restricted_container, restricted_pod};
use crate::eventually;

/// A third-party program that removes the signer from every pod of the voter.
const MUTATOR: &str = "atto-e2e-mutator";

pub async fn all(suite: &Suite) -> Result<()> {
    let holds = suite.cluster.minor().await? >= MUTATING_POLICIES;
    delete_and_apply(suite, holds).await?;
    pod_made_by_hand(suite).await?;
    if !holds {
        suite.holds("left out: a program that changes pods, because this Kubernetes serves no MutatingAdmissionPolicy");
        return Ok(());
    }
    let seen = foreign_mutator(suite).await;
    // Also after an error, because it is outside of the deleted namespaces.
    let taken_away = take_mutator_away(suite).await;
    seen.and(taken_away)?;
    suite.ready_pod().await?;
    suite.cluster.condition("Ready", "True", "Ready").await?;
    suite.holds("a program that removes the signer from pods: they are refused, the binding reports it, and a pod starts once the program is gone");
    Ok(())
}

/// Replaces an injected Deployment by the manifest from Git, which has no signer.
async fn delete_and_apply(suite: &Suite, holds: bool) -> Result<()> {
    let cluster = &suite.cluster;
    let delete = ["delete", "deployment", "voter", "--cascade=foreground", "--timeout=2m"];
    cluster.in_namespace(&delete).await?;
    let mut manifest = suite.deployment();
    if !holds {
        manifest["spec"]["paused"] = json!(true);
    }
    cluster.apply(&manifest).await?;
    cluster.condition("Injected", "True", "Injected").await?;
    if !holds {
        cluster.in_namespace(&["rollout", "resume", "deployment/voter"]).await?;
    }
    cluster.condition("Ready", "True", "Ready").await?;
    let pod = suite.ready_pod().await?;
    suite.signs(&pod, 20).await?;
    let deployment = cluster.get("deployment", "voter").await?;
    ensure!(
        deployment["spec"]["paused"] != true
            && deployment["metadata"]["annotations"]["signer.atto.cash/held"].is_null(),
        "it is still held: {}",
        deployment["metadata"]
    );
    let sets: Value = serde_json::from_str(
        &cluster
            .in_namespace(&["get", "replicasets", "--selector=app=voter", "--output=json"])
            .await?,
    )?;
    let sets = sets["items"].as_array().context("no list")?;
    ensure!(
        sets.len() == 1,
        "{} templates of one Deployment, expected 1",
        sets.len()
    );
    ensure!(has_signer(&sets[0]["spec"]["template"]["spec"]), "{}", sets[0]["spec"]);
    suite.holds(if holds {
        "kubectl delete and apply: held until the signer is injected, one template, and it signs"
    } else {
        "kubectl delete and apply, paused as this Kubernetes needs it: one template, and it signs"
    });
    Ok(())
}

/// A pod with the voter's annotation but without its signer.
async fn pod_made_by_hand(suite: &Suite) -> Result<()> {
    let pod = suite.ready_pod().await?;
    let bare = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "by-hand", "annotations": pod["metadata"]["annotations"]},
        "spec": {
            "securityContext": restricted_pod(),
            "containers": [{
                "name": "node",
                "image": suite.cluster.image("voter"),
                "imagePullPolicy": "IfNotPresent",
                "securityContext": restricted_container(),
            }],
        },
    });
    let refused = suite.cluster.apply(&bare).await;
    let said = refused
        .err()
        .context("a pod without its signer was created")?
        .to_string();
    ensure!(
        said.contains("ValidatingAdmissionPolicy") && said.contains("signer"),
        "{said}"
    );
    suite.holds("a pod of the voter without its signer is refused");
    Ok(())
}

async fn foreign_mutator(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let pod = suite.ready_pod().await?;
    for object in mutator() {
        cluster.apply(&object).await?;
    }
    mutator_is_asked(suite, &pod).await?;
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    cluster.in_namespace(&["delete", "pod", name]).await?;
    let message = cluster.condition("RolledOut", "False", "PodsNotCreated").await?;
    ensure!(message.contains("ValidatingAdmissionPolicy"), "{message}");
    let pods = cluster.pods().await?;
    ensure!(pods.is_empty(), "a pod was created: {pods:?}");
    Ok(())
}

/// Waits until the API server calls it: a dry-run pod no longer has its signer.
async fn mutator_is_asked(suite: &Suite, pod: &Value) -> Result<()> {
    let tried = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "tried", "namespace": NAMESPACE, "labels": {"app": "voter"}},
        "spec": pod["spec"],
    });
    eventually(PATIENCE, "the mutator", async || {
        let made = suite.cluster.try_to_create(&tried).await?;
        ensure!(!has_signer(&made["spec"]), "the pod has its signer");
        Ok(())
    })
    .await
}

async fn take_mutator_away(suite: &Suite) -> Result<()> {
    for kind in ["mutatingadmissionpolicybinding", "mutatingadmissionpolicy"] {
        suite
            .cluster
            .kubectl(&["delete", kind, MUTATOR, "--ignore-not-found"])
            .await?;
    }
    Ok(())
}

fn has_signer(pod_spec: &Value) -> bool {
    let containers = pod_spec["initContainers"].as_array().cloned().unwrap_or_default();
    containers
        .iter()
        .any(|container| container["name"] == "signer" && container["restartPolicy"] == "Always")
}

fn mutator() -> [Value; 2] {
    let version = "admissionregistration.k8s.io/v1";
    [
        json!({
            "apiVersion": version, "kind": "MutatingAdmissionPolicy", "metadata": {"name": MUTATOR},
            "spec": {
                "failurePolicy": "Fail",
                "reinvocationPolicy": "Never",
                "matchConstraints": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
                    "resourceRules": [
                        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]},
                    ],
                },
                "matchConditions": [
                    {"name": "voter", "expression": "object.metadata.?labels[?'app'].orValue('') == 'voter'"},
                    {"name": "signer", "expression": "has(object.spec.initContainers)"},
                ],
                "mutations": [{
                    "patchType": "JSONPatch",
                    "jsonPatch": {"expression": "[JSONPatch{op: 'remove', path: '/spec/initContainers'}]"},
                }],
            },
        }),
        json!({
            "apiVersion": version, "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": MUTATOR},
            "spec": {"policyName": MUTATOR},
        }),
    ]
}
