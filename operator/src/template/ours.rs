//! The operator's part of a live Deployment. If an admission plugin rewrites each write, that part looks like drift compared with
//! the rendering, but not compared with the API server's answer to the operator's last write.

use std::hash::{DefaultHasher, Hash, Hasher};

use crds::names::{DEPLOYMENT_LABEL, HASH_ANNOTATION, NODE_VARIABLES};
use serde_json::json;

use super::volumes;
use crate::model::deployment::{ContainerList, LiveDeployment};

/// A number that identifies all of the operator's fields and their owners.
pub fn fingerprint(live: &LiveDeployment, node_container: &str) -> u64 {
    let template = &live.raw()["spec"]["template"];
    let node = live.container(ContainerList::Containers, node_container);
    let env = node.and_then(|node| node["env"].as_array()).into_iter().flatten();
    let variables: Vec<_> = env
        .filter(|entry| NODE_VARIABLES.iter().any(|name| entry["name"] == *name))
        .collect();
    let volumes = volumes::of_signer(live);
    let names: Vec<_> = volumes.iter().filter_map(|volume| volume["name"].as_str()).collect();
    let exposures = volumes::exposures(live, &names);
    let exposures: Vec<_> = exposures.iter().map(|exposure| &exposure.pointer).collect();
    let holds = live.ours().map(|ours| {
        let mut variables = NODE_VARIABLES.iter();
        [
            ours.owns_signer(),
            ours.owns_template_key("annotations", HASH_ANNOTATION),
            ours.owns_template_key("labels", DEPLOYMENT_LABEL),
            variables.all(|variable| ours.owns_variable_value(node_container, variable)),
            names.iter().all(|name| ours.owns_volume(name)),
        ]
    });
    let ours = json!({
        "annotation": template["metadata"]["annotations"][HASH_ANNOTATION],
        "label": template["metadata"]["labels"][DEPLOYMENT_LABEL],
        "signer": live.signer(),
        "variables": variables,
        "volumes": volumes,
        "exposures": exposures,
        "holds": holds,
    });
    let mut hasher = DefaultHasher::new();
    ours.to_string().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn moves_with_everything_of_ours_and_with_nothing_of_others() {
        let object = json!({
            "metadata": {"generation": 2, "managedFields": [{"manager": "signer-operator", "operation": "Apply", "fieldsV1": {
                "f:spec": {"f:template": {"f:spec": {"f:initContainers": {"k:{\"name\":\"signer\"}": {"f:image": {}}}}}},
            }}]},
            "spec": {"replicas": 1, "template": {
                "metadata": {"annotations": {HASH_ANNOTATION: "h"}, "labels": {DEPLOYMENT_LABEL: "voter"}},
                "spec": {
                    "initContainers": [{"name": "signer", "image": "mirror.example/signer:1", "volumeMounts": [{"name": "signer-ca"}]}],
                    "containers": [{"name": "node", "image": "node:1", "env": [{"name": "ATTO_SIGNER_BACKEND", "value": "REMOTE"}]}],
                    "volumes": [{"name": "theirs"}, {"name": "signer-ca"}],
                },
            }},
        });
        let of = |object: &Value| fingerprint(&LiveDeployment::new(object.clone()), "node");
        let changed = |pointer: &str, value: Value| {
            let mut object = object.clone();
            *object.pointer_mut(pointer).unwrap() = value;
            of(&object)
        };
        for (pointer, value) in [
            ("/metadata/generation", json!(3)),
            ("/spec/replicas", json!(2)),
            ("/spec/template/spec/containers/0/image", json!("node:2")),
            ("/spec/template/spec/volumes/0/name", json!("another")),
        ] {
            assert_eq!(changed(pointer, value), of(&object), "{pointer}");
        }
        for (pointer, value) in [
            ("/metadata/managedFields", json!([])),
            ("/spec/template/metadata/annotations", json!({})),
            ("/spec/template/metadata/labels", json!({})),
            ("/spec/template/spec/initContainers/0/image", json!("other:1")),
            ("/spec/template/spec/initContainers", json!([])),
            ("/spec/template/spec/containers/0/env/0/value", json!("LOCAL")),
            ("/spec/template/spec/containers/0/name", json!("another")),
            (
                "/spec/template/spec/volumes/1",
                json!({"name": "signer-ca", "secret": {}}),
            ),
            (
                "/spec/template/spec/containers/0",
                json!({"name": "node", "volumeMounts": [{"name": "signer-ca"}]}),
            ),
        ] {
            assert_ne!(changed(pointer, value), of(&object), "{pointer}");
        }
    }
}
