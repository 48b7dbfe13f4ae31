//! Leftovers of an empty apply, and the JSON patch that removes them. Pure.
//!
//! After `kubectl rollout undo`, kubectl owns the operator's annotation, which therefore stays. The same applies to a container
//! that the rollback restored. A field that is whole in an applied manifest belongs to the manifest and stays.

use crds::names::{DEPLOYMENT_LABEL, HASH_ANNOTATION, NODE_VARIABLES, SIGNER_CONTAINER};
use serde_json::{Value, json};

use crate::model::deployment::{ContainerList, LiveDeployment};
use crate::template::volumes;

/// The operations that remove leftovers. The operator's fields are determined from the object before they were given up, because
/// afterwards nothing shows them.
pub fn patch(before: &LiveDeployment, after: &LiveDeployment) -> Vec<Value> {
    // In this order, each index stays valid.
    let gone = volumes::left_over(before, after);
    let exposures = volumes::exposures(after, &gone);
    let mut operations: Vec<_> = exposures.iter().map(|exposure| remove(&exposure.pointer)).collect();
    for (map, key) in TEMPLATE_KEYS {
        if after.raw()["spec"]["template"]["metadata"][map][key].is_string() && !is_applied(after, map, key) {
            operations.push(remove(&format!("/spec/template/metadata/{map}/{}", escape(key))));
        }
    }
    if after.signer().is_some() && !signer_is_applied(after) {
        operations.extend(remove_signer(after));
    }
    operations.extend(variables(before, after));
    operations.extend(remove_volumes(after, &gone));
    operations
}

const TEMPLATE_KEYS: [(&str, &str); 2] = [("labels", DEPLOYMENT_LABEL), ("annotations", HASH_ANNOTATION)];

/// The Deployment after the removal of leftovers.
pub fn cleared(before: &LiveDeployment, after: &LiveDeployment) -> LiveDeployment {
    let mut object = after.raw().clone();
    for operation in patch(before, after) {
        let path = operation["path"].as_str().unwrap_or_default();
        let (parent, last) = path.rsplit_once('/').unwrap_or_default();
        let last = last.replace("~1", "/").replace("~0", "~");
        match object.pointer_mut(parent) {
            Some(Value::Object(fields)) => drop(fields.remove(&last)),
            Some(Value::Array(items)) => {
                if let Some(index) = last.parse().ok().filter(|index| *index < items.len()) {
                    items.remove(index);
                }
            }
            _ => {}
        }
    }
    LiveDeployment::new(object)
}

/// Whether there are leftovers.
pub fn are_there(live: &LiveDeployment) -> bool {
    live.signer().is_some() || keys(live).next().is_some()
}

/// The operator's label and annotation in the pod template.
pub fn keys(live: &LiveDeployment) -> impl Iterator<Item = (&'static str, &'static str)> {
    TEMPLATE_KEYS
        .into_iter()
        .filter(|(map, key)| live.raw()["spec"]["template"]["metadata"][*map][*key].is_string())
}

fn remove_signer(live: &LiveDeployment) -> Option<Value> {
    let list = live.containers(ContainerList::InitContainers);
    let index = list
        .iter()
        .position(|container| container["name"] == SIGNER_CONTAINER)?;
    // An empty list would be a key that the manifest did not have.
    Some(if list.len() == 1 {
        remove("/spec/template/spec/initContainers")
    } else {
        remove(&format!("/spec/template/spec/initContainers/{index}"))
    })
}

fn remove_volumes(live: &LiveDeployment, gone: &[&str]) -> Vec<Value> {
    let all = live.volumes();
    let is_gone = |volume: &Value| volume["name"].as_str().is_some_and(|name| gone.contains(&name));
    let indexes = (0..all.len()).rev().filter(|index| is_gone(&all[*index]));
    let indexes: Vec<_> = indexes.collect();
    if !all.is_empty() && indexes.len() == all.len() {
        return vec![remove("/spec/template/spec/volumes")];
    }
    let each = indexes.iter();
    each.map(|index| remove(&format!("/spec/template/spec/volumes/{index}")))
        .collect()
}

/// The operator's variables that no manifest contains, last first, so that each index stays valid. They are left over if the
/// empty apply was refused, or if an update, such as the restore of a backup, owns them too.
fn variables(before: &LiveDeployment, after: &LiveDeployment) -> Vec<Value> {
    let mut operations = vec![];
    for (position, container) in after.containers(ContainerList::Containers).iter().enumerate() {
        let name = container["name"].as_str().unwrap_or_default();
        let env = container["env"].as_array().map_or(&[][..], Vec::as_slice);
        let ours: Vec<_> = (0..env.len())
            .filter(|index| {
                let variable = env[*index]["name"].as_str().unwrap_or_default();
                NODE_VARIABLES.contains(&variable)
                    && before
                        .ours()
                        .is_some_and(|ours| ours.owns_variable_value(name, variable))
                    && !after.is_carried_by_a_manifest(name, variable)
            })
            .collect();
        if !ours.is_empty() && ours.len() == env.len() {
            operations.push(remove(&format!("/spec/template/spec/containers/{position}/env")));
        } else {
            operations.extend(
                ours.iter()
                    .rev()
                    .map(|index| remove(&format!("/spec/template/spec/containers/{position}/env/{index}"))),
            );
        }
    }
    operations
}

/// Whether another manager's manifest contains the whole sidecar: with its image, without which it is not a valid container.
fn signer_is_applied(live: &LiveDeployment) -> bool {
    live.managed_fields().any(|entry| {
        entry.operation == "Apply" && entry.manager != crds::names::FIELD_MANAGER && entry.owns_signer_image()
    })
}

fn is_applied(live: &LiveDeployment, map: &str, key: &str) -> bool {
    live.managed_fields().any(|entry| {
        entry.operation == "Apply" && entry.manager != crds::names::FIELD_MANAGER && entry.owns_template_key(map, key)
    })
}

fn remove(path: &str) -> Value {
    json!({ "op": "remove", "path": path })
}

/// RFC 6901.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clears_what_kubectl_brought_back_and_keeps_what_a_manifest_carries() {
        let deployment = |operation: &str| {
            LiveDeployment::new(json!({
                "metadata": { "managedFields": [{ "manager": "other", "operation": operation, "fieldsV1": {
                    "f:spec": { "f:template": {
                        "f:metadata": { "f:annotations": { "f:signer.atto.cash/hash": {} } },
                        "f:spec": { "f:initContainers": { "k:{\"name\":\"signer\"}": { "f:image": {} } } },
                    } },
                } }] },
                "spec": { "template": {
                    "metadata": { "annotations": { "signer.atto.cash/hash": "x", "mine": "y" } },
                    "spec": { "containers": [], "initContainers": [{ "name": "first" }, { "name": "signer" }] },
                } },
            }))
        };
        assert_eq!(
            patch(&deployment("Update"), &deployment("Update")),
            [
                json!({ "op": "remove", "path": "/spec/template/metadata/annotations/signer.atto.cash~1hash" }),
                json!({ "op": "remove", "path": "/spec/template/spec/initContainers/1" }),
            ]
        );
        assert!(patch(&deployment("Apply"), &deployment("Apply")).is_empty());
        let cleared = cleared(&deployment("Update"), &deployment("Update"));
        assert!(!are_there(&cleared));
        let left = &cleared.raw()["spec"]["template"];
        assert_eq!(left["metadata"]["annotations"], json!({ "mine": "y" }));
        assert_eq!(left["spec"]["initContainers"], json!([{ "name": "first" }]));
    }

    #[test]
    fn keeps_a_variable_of_a_created_manifest_and_clears_one_that_a_backup_brought_back() {
        let node = json!({ "k:{\"name\":\"node\"}": { "f:env": {
            "k:{\"name\":\"ATTO_SIGNER_BACKEND\"}": { "f:value": {} },
        } } });
        let deployment = |restored: bool| {
            let mut theirs = json!({ "f:containers": node });
            if restored {
                theirs["f:initContainers"] = json!({ "k:{\"name\":\"signer\"}": {} });
            }
            let entry = |manager: &str, operation: &str, pod: &Value| {
                let fields = json!({ "f:spec": { "f:template": { "f:spec": pod } } });
                json!({ "manager": manager, "operation": operation, "fieldsV1": fields })
            };
            let ours = entry(crds::names::FIELD_MANAGER, "Apply", &json!({ "f:containers": node }));
            LiveDeployment::new(json!({
                "metadata": { "managedFields": [ours, entry("other", "Update", &theirs)] },
                "spec": { "template": { "spec": { "containers": [
                    { "name": "node", "env": [{ "name": "ATTO_SIGNER_BACKEND", "value": "REMOTE" }] },
                ] } } },
            }))
        };
        assert!(patch(&deployment(false), &deployment(false)).is_empty());
        assert_eq!(
            patch(&deployment(true), &deployment(true)),
            [json!({ "op": "remove", "path": "/spec/template/spec/containers/0/env" })]
        );
    }
}
