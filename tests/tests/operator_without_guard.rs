//! Where the guard is off, or the API server is too old for it: what would have been refused is put back.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Operated, Place, SOON, VOTER, binding, voter, with};
use tests::{chart, eventually};

async fn place(prefix: &str) -> Result<Place> {
    Place::on(Operated::with_chart(&["--set", "guard.enabled=false"]).await?, prefix).await
}

async fn repaired(place: &Place, before: &Value) -> Result<()> {
    eventually(SOON, "the injection put back", async || {
        let after = place.deployment().await?["spec"]["template"].clone();
        ensure!(after == before["spec"]["template"], "{after}");
        Ok(())
    })
    .await?;
    place.condition("Injected", "True", "Injected").await?;
    place.told_once("DriftRepaired").await
}

/// Until the Deployment controller has seen it. A rollback needs the ReplicaSet of the template without the signer.
async fn seen(place: &Place, how: &str) -> Result<()> {
    let wait = ["wait", how, "deployment/voter", "--timeout=60s"];
    place.kubectl_ok(&wait).await.map(drop)
}

/// Back to the template before the injection.
async fn undo(place: &Place) -> Result<()> {
    seen(place, "--for=jsonpath={.status.observedGeneration}=2").await?;
    place
        .kubectl_ok(&["rollout", "undo", "deployment/voter"])
        .await
        .map(drop)
}

#[tokio::test]
async fn a_rollback_to_before_the_signer_is_put_back() -> Result<()> {
    let place = place("undo").await?;
    place.apply(&voter()).await?;
    seen(&place, "--for=condition=Progressing").await?;
    let before = place.injected().await?;
    undo(&place).await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn a_replace_without_the_sidecar_is_put_back() -> Result<()> {
    let place = place("replace").await?;
    let before = place.injected().await?;
    place.replace(async || Ok(voter())).await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn items_removed_by_hand_are_put_back() -> Result<()> {
    let place = place("patch").await?;
    let before = place.injected().await?;
    let patch = json!([
        {"op": "remove", "path": "/spec/template/spec/initContainers"},
        {"op": "remove", "path": "/spec/template/metadata/annotations"},
    ]);
    place
        .kubectl_ok(&["patch", "deployment", VOTER, "--type=json", "-p", &patch.to_string()])
        .await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn removal_after_a_rollback_and_back_leaves_nothing() -> Result<()> {
    let place = place("undo-remove").await?;
    place.apply(&voter()).await?;
    let before = place.deployment().await?["spec"].clone();
    seen(&place, "--for=condition=Progressing").await?;
    let binding = with(binding(), "/spec/deletionPolicy", json!("Remove"));
    place.apply(&binding).await?;
    place.condition("Injected", "True", "Injected").await?;
    let injected = place.deployment().await?;
    undo(&place).await?;
    repaired(&place, &injected).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    assert_eq!(place.deployment().await?["spec"], before);
    Ok(())
}

/// A policy that puts this container into every Deployment of the namespace that lacks it, whoever writes but the operator.
fn putting_in(signer: &Value, namespace: &str) -> [Value; 2] {
    let name = format!("put-signer-in-{namespace}");
    let api = "admissionregistration.k8s.io/v1";
    let lacks = "!object.spec.template.spec.?initContainers.orValue([]).exists(c, c.name == 'signer')";
    let policy = json!({
        "apiVersion": api, "kind": "MutatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"]}],
            },
            "matchConditions": [
                {"name": "lacks-it", "expression": lacks},
                {"name": "not-the-operator", "expression": format!("request.userInfo.username != '{}'", chart::OPERATOR)},
            ],
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": format!(
                "[JSONPatch{{op: 'add', path: '/spec/template/spec/initContainers', value: [{}]}}]", cel(signer),
            )}}],
        },
    });
    let binding = json!({
        "apiVersion": api, "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name},
    });
    [policy, binding]
}

/// A value as CEL writes it.
fn cel(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| format!("'{name}': dyn({})", cel(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let items = items.iter().map(|item| format!("dyn({})", cel(item)));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}

#[tokio::test]
async fn a_signer_that_a_policy_puts_back_is_adopted_and_goes_with_its_binding() -> Result<()> {
    let place = place("mutated").await?;
    place.apply(&voter()).await?;
    let bare = place.deployment().await?["spec"].clone();
    let removing = with(binding(), "/spec/deletionPolicy", json!("Remove"));
    place.apply(&removing).await?;
    place.condition("Injected", "True", "Injected").await?;
    let before = place.deployment().await?;
    let signer = before["spec"]["template"]["spec"]["initContainers"][0].clone();
    for object in putting_in(&signer, &place.namespace) {
        place.apply(&object).await?;
    }
    // While nothing is written for the binding, so that what the policy did can be seen.
    place
        .apply(&with(removing.clone(), "/spec/suspend", json!(true)))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    eventually(SOON, "the policy in force", async || {
        place.replace(async || Ok(voter())).await?;
        let after = place.deployment().await?;
        let found = after["spec"]["template"]["spec"]["initContainers"][0].clone();
        ensure!(found == signer, "{found}");
        Ok(())
    })
    .await?;
    let fields = place.deployment().await?["metadata"]["managedFields"].to_string();
    ensure!(
        !fields.contains("k:{\\\"name\\\":\\\"signer\\\"}"),
        "somebody owns the signer: {fields}"
    );
    place.apply(&removing).await?;
    repaired(&place, &before).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    assert_eq!(place.deployment().await?["spec"], bare);
    Ok(())
}
