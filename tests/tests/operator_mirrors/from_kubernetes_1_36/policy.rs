//! The admission policies, each for one namespace.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::eventually;
use tests::operated::{Place, SOON};

/// The prefix of the mirror's images.
pub const MIRROR: &str = "mirror.example/cache/";

/// Rewrites images to the registry with this prefix.
pub fn images(registry: &str) -> String {
    ["containers", "initContainers"]
        .map(|list| {
            format!(
                "object.spec.template.spec.?{list}.orValue([]).transformList(i, c, !c.image.startsWith('{registry}'), \
                 JSONPatch{{op: 'replace', path: '/spec/template/spec/{list}/' + string(i) + '/image', value: '{registry}' + c.image}})"
            )
        })
        .join(" + ")
}

/// Sets the fields that this cluster requires of every container, and adds a toleration and a variable.
pub fn defaults() -> String {
    let of_containers = ["containers", "initContainers"].map(|list| {
        let path = format!("'/spec/template/spec/{list}/' + string(i)");
        format!(
            "object.spec.template.spec.?{list}.orValue([]).transformList(i, c, true, \
             JSONPatch{{op: 'add', path: {path} + '/resources', value: {{'requests': {{'cpu': '333m', 'memory': '333Mi'}}}}}}) + \
             object.spec.template.spec.?{list}.orValue([]).transformList(i, c, !c.?env.orValue([]).exists(e, e.name == 'HTTP_PROXY') && has(c.env), \
             JSONPatch{{op: 'add', path: {path} + '/env/-', value: {{'name': 'HTTP_PROXY', 'value': 'http://proxy.example'}}}})"
        )
    });
    let toleration = "[JSONPatch{op: 'add', path: '/spec/template/spec/tolerations', value: [{'key': 'voters', 'operator': 'Exists'}]}]";
    format!("{} + {toleration}", of_containers.join(" + "))
}

/// Puts a policy in force in the namespace of a place.
pub async fn enforce(place: &Place, expression: &str) -> Result<()> {
    let name = format!("rewrite-{}", place.namespace);
    let api = "admissionregistration.k8s.io/v1";
    let policy = json!({
        "apiVersion": api, "kind": "MutatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}},
                "resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]}],
            },
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
        },
    });
    let binding = json!({
        "apiVersion": api, "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": {"policyName": name},
    });
    place.apply(&policy).await?;
    place.apply(&binding).await?;
    let probe = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "probe"},
        "spec": {"selector": {"matchLabels": {"app": "probe"}}, "template": {
            "metadata": {"labels": {"app": "probe"}},
            "spec": {"containers": [{"name": "probe", "image": "registry.example/probe:1", "env": [{"name": "A", "value": "1"}]}]},
        }},
    });
    eventually(SOON, "the policy in force", async || {
        let create = ["create", "--dry-run=server", "-f", "-", "-o", "json"];
        let answer = place.kubectl(&create, &probe.to_string()).await?;
        ensure!(answer.succeeded, "{}", answer.stderr);
        let created: Value = serde_json::from_str(&answer.stdout)?;
        let container = &created["spec"]["template"]["spec"]["containers"][0];
        let is_as_it_was = container["image"] == "registry.example/probe:1" && container["resources"] == json!({});
        ensure!(!is_as_it_was, "nothing is rewritten");
        Ok(())
    })
    .await
}
