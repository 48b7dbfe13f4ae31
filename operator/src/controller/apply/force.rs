//! Whether a conflict of server-side apply may be resolved with force. Pure.

use crds::names::{KEY_PREFIX, NODE_VARIABLES, SIGNER_CONTAINER, VOLUMES};
use serde_json::Value;

use super::conflict::Conflict;
use crate::model::deployment::{LiveDeployment, ManagedFields};
use crate::model::field_path::FieldPath;

/// Force overrides manual edits of the operator's own fields. It does not override a manifest or a field of the user's container,
/// because these are intended. Two cases only look like a manifest: a key without content, and fields that a rollback restored,
/// which the operator had written earlier.
pub fn may_force(conflicts: &[Conflict], live: &LiveDeployment, wanted: &Value) -> bool {
    !conflicts.is_empty()
        && conflicts.iter().all(|conflict| {
            let path = FieldPath::parse(&conflict.field);
            path.as_ref().is_some_and(|path| is_empty_key(path, live, wanted))
                || is_by_hand(conflict, path.as_ref(), live)
        })
}

/// Whether the field is an empty list or map that the operator writes into: `env:`, `annotations: {}`. A manager that applies
/// such a key owns no value that would change.
fn is_empty_key(path: &FieldPath, live: &LiveDeployment, wanted: &Value) -> bool {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    let wanted = path.of(wanted);
    (wanted.is_array() || wanted.is_object()) && is_empty(path.of(live.raw()))
}

fn is_by_hand(conflict: &Conflict, path: Option<&FieldPath>, live: &LiveDeployment) -> bool {
    let of_manager = live
        .managed_fields()
        .filter(|entry| entry.manager == conflict.manager)
        .collect::<Vec<_>>();
    // A manager may have applied some fields and edited others, so the owner of this field counts.
    let holds = |entry: &&ManagedFields<'_>| path.is_some_and(|path| entry.owns(path));
    let holders = of_manager
        .iter()
        .copied()
        .filter(|entry| holds(&entry))
        .collect::<Vec<_>>();
    let entries = if holders.is_empty() { of_manager } else { holders };
    !entries.is_empty()
        && entries.iter().all(|entry| {
            (is_ours(&conflict.field) && entry.operation == "Update")
                || (is_of_a_node(&conflict.field) && entry.is_of_a_rollback())
        })
}

fn is_ours(field: &str) -> bool {
    let is_a_volume = |name: &str| field.starts_with(&format!(".spec.template.spec.volumes[name=\"{name}\"]"));
    field.contains(&format!("initContainers[name=\"{SIGNER_CONTAINER}\"]"))
        || VOLUMES.into_iter().any(is_a_volume)
        || (field.starts_with(".spec.template.metadata.") && field.contains(KEY_PREFIX))
}

/// Whether the field is one of the three variables, which the operator applies only to the node's container.
fn is_of_a_node(field: &str) -> bool {
    field.starts_with(".spec.template.spec.containers[")
        && NODE_VARIABLES
            .iter()
            .any(|variable| field.contains(&format!("].env[name=\"{variable}\"]")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const IMAGE: &str = ".spec.template.spec.initContainers[name=\"signer\"].image";
    const HASH: &str = ".spec.template.metadata.annotations.signer.atto.cash/hash";
    const NODE: &str = ".spec.template.spec.containers[name=\"node\"].env[name=\"ATTO_SIGNER_BACKEND\"].value";
    const ENV: &str = ".spec.template.spec.containers[name=\"node\"].env";

    /// A Deployment with these managed fields, and this `env` of its node.
    fn live(entries: &[(&str, Value)], env: &Value) -> LiveDeployment {
        let entries: Vec<_> = entries
            .iter()
            .map(|(operation, fields)| json!({"manager": "kubectl", "operation": operation, "fieldsV1": fields}))
            .collect();
        LiveDeployment::new(json!({
            "metadata": {"managedFields": entries},
            "spec": {"template": {"spec": {"containers": [{"name": "node", "env": env}]}}},
        }))
    }

    fn forces(field: &str, live: &LiveDeployment) -> bool {
        let conflict = Conflict {
            field: field.to_owned(),
            manager: "kubectl".to_owned(),
        };
        let wanted = json!({"spec": {"template": {
            "metadata": {"annotations": {"signer.atto.cash/hash": "h"}},
            "spec": {"containers": [{"name": "node", "env": [{"name": "ATTO_SIGNER_BACKEND"}]}], "initContainers": [{"name": "signer"}]},
        }}});
        may_force(&[conflict], live, &wanted)
    }

    #[test]
    fn our_own_things_against_updates_and_nothing_of_a_manifest() {
        for (field, operation, expected) in [
            (IMAGE, "Update", true),
            (HASH, "Update", true),
            (IMAGE, "Apply", false),
            (NODE, "Update", false),
            (NODE, "Apply", false),
        ] {
            let live = live(&[(operation, json!({}))], &json!([]));
            assert_eq!(forces(field, &live), expected, "{field} {operation}");
        }
        assert!(!may_force(&[], &live(&[("Update", json!({}))], &json!([])), &json!({})));
    }

    #[test]
    fn a_key_with_nothing_under_it_is_nobodys_value() {
        let metadata = ".spec.template.metadata.annotations";
        let init_containers = ".spec.template.spec.initContainers";
        for env in [json!(null), json!([])] {
            let live = live(&[("Apply", json!({}))], &env);
            for field in [ENV, metadata, init_containers] {
                assert!(forces(field, &live), "{field} {env}");
            }
            // The operator writes nothing there, or a value that contains no others.
            for field in [".spec.template.spec.volumes", ".spec.replicas", HASH] {
                assert!(!forces(field, &live), "{field} {env}");
            }
        }
        assert!(!forces(ENV, &live(&[("Apply", json!({}))], &json!([{"name": "A"}]))));
    }

    #[test]
    fn a_variable_that_a_rollback_brought_back_is_ours() {
        let variable = json!({"f:containers": {"k:{\"name\":\"node\"}": {"f:env": {
            "k:{\"name\":\"ATTO_SIGNER_BACKEND\"}": {"f:value": {}},
        }}}});
        let template =
            |annotations: Value| json!({"f:spec": {"f:template": {"f:metadata": annotations, "f:spec": variable}}});
        let rollback = template(json!({"f:annotations": {"f:signer.atto.cash/hash": {}}}));
        let edit = template(json!({}));
        let env = json!([{"name": "ATTO_SIGNER_BACKEND", "value": "LOCAL"}]);
        assert!(forces(NODE, &live(&[("Update", rollback.clone())], &env)));
        assert!(!forces(NODE, &live(&[("Update", edit)], &env)));
        assert!(!forces(NODE, &live(&[("Apply", rollback.clone())], &env)));
        // It applied other fields under the same name.
        assert!(forces(
            NODE,
            &live(
                &[("Apply", json!({"f:spec": {"f:replicas": {}}})), ("Update", rollback)],
                &env
            )
        ));
    }
}
