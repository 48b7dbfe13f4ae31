//! The pod of a Deployment's template, as its ReplicaSet would create it.

use crds::names::{SIGNER_CONTAINER, VOLUMES};
use serde_json::{Value, json};

use super::merge;
use crate::model::deployment::LiveDeployment;
use crate::model::rendered::Rendered;

/// The pod of the present template.
pub fn present(live: &LiveDeployment) -> Value {
    of(live, &live.raw()["spec"]["template"])
}

/// The pod of the template with the rendered fields.
pub fn injected(live: &LiveDeployment, rendered: &Rendered) -> Value {
    let mut template = live.raw()["spec"]["template"].clone();
    // An apply removes fields that only an earlier rendering contained.
    if let Some(list) = template["spec"]["initContainers"].as_array_mut() {
        list.retain(|container| container["name"] != SIGNER_CONTAINER);
    }
    if let Some(list) = template.pointer_mut("/spec/volumes").and_then(Value::as_array_mut) {
        let is_ours = |volume: &Value| {
            let name = volume["name"].as_str().unwrap_or_default();
            VOLUMES.contains(&name) && live.ours().is_some_and(|ours| ours.owns_volume(name))
        };
        list.retain(|volume| !is_ours(volume));
    }
    merge::apply(&mut template, &rendered.deployment["spec"]["template"]);
    of(live, &template)
}

/// With an owner as a controller sets it, because some policies refuse a pod without one. The API server chooses the name.
fn of(live: &LiveDeployment, template: &Value) -> Value {
    let mut metadata = json!({
        "generateName": format!("{}-", live.name()),
        "namespace": live.namespace(),
        "ownerReferences": [{
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": live.name(),
            "uid": live.uid(),
            "controller": true,
        }],
    });
    for field in ["labels", "annotations", "finalizers"] {
        if !template["metadata"][field].is_null() {
            metadata[field] = template["metadata"][field].clone();
        }
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::identity::PodIdentity;
    use crate::model::injection::DeploymentRef;

    #[test]
    fn has_what_the_template_would_have_and_nothing_of_an_earlier_signer() {
        let live = LiveDeployment::new(json!({
            "metadata": {"name": "voter", "namespace": "atto", "uid": "u"},
            "spec": {"template": {
                "metadata": {"labels": {"app": "voter"}, "annotations": {"mine": "1"}},
                "spec": {
                    "serviceAccountName": "voter",
                    "containers": [{"name": "node", "image": "i"}],
                    "initContainers": [{"name": "first"}, {"name": "signer", "resources": {"limits": {"cpu": "1"}}}],
                },
            }},
        }));
        let rendered = Rendered {
            target: DeploymentRef::of(&live),
            node_container: "node".to_owned(),
            hash: "h".to_owned(),
            deployment: json!({"spec": {"template": {
                "metadata": {"annotations": {"signer.atto.cash/hash": "h"}},
                "spec": {
                    "containers": [{"name": "node", "env": [{"name": "A", "value": "1"}]}],
                    "initContainers": [{"name": "signer", "resources": {"limits": {"memory": "1Gi"}}}],
                },
            }}}),
            service: json!({}),
            identity: PodIdentity::NotNeeded,
            needs_approval: None,
        };
        let owner =
            json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "voter", "uid": "u", "controller": true}]);
        assert_eq!(
            injected(&live, &rendered),
            json!({
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "generateName": "voter-",
                    "namespace": "atto",
                    "ownerReferences": owner,
                    "labels": {"app": "voter"},
                    "annotations": {"mine": "1", "signer.atto.cash/hash": "h"},
                },
                "spec": {
                    "serviceAccountName": "voter",
                    "containers": [{"name": "node", "image": "i", "env": [{"name": "A", "value": "1"}]}],
                    "initContainers": [{"name": "first"}, {"name": "signer", "resources": {"limits": {"memory": "1Gi"}}}],
                },
            })
        );
        let before = present(&live);
        assert_eq!(before["spec"], live.raw()["spec"]["template"]["spec"]);
        assert_eq!(before["metadata"]["annotations"], json!({"mine": "1"}));
    }
}
