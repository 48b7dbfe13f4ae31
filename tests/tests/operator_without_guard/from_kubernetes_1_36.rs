//! Earlier versions have no policies that change objects. A webhook can do the same there.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::operated::{SOON, VOTER, binding, voter, with};
use tests::{chart, eventually};

use super::{place, repaired};

/// A policy that adds this container to every Deployment of the namespace that lacks it, on writes of every client
/// except the operator.
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

/// A value in CEL's notation.
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
    // While the operator writes nothing for the binding, so that the policy's change stays visible.
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
