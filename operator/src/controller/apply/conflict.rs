//! Interprets conflicts of server-side apply. Pure.

use crds::conditions::reasons;
use kube::core::Status;

use crate::model::error::Error;
use crate::model::reason::Reason;

/// A field that another manager sets to another value.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    pub field: String,
    pub manager: String,
}

/// The conflicts in the API server's answer. Empty for another kind of 409.
pub fn conflicts(status: &Status) -> Vec<Conflict> {
    let mut conflicts: Vec<_> = status
        .details
        .iter()
        .flat_map(|details| &details.causes)
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| Conflict {
            field: cause.field.clone(),
            manager: manager(&cause.message),
        })
        .collect();
    // The API server names them in varying order, and a changed message would be another write of the status.
    conflicts.sort();
    conflicts
}

/// Whether an apply was refused because other managers own fields, and not because the object changed since it was read.
pub fn is_about_fields(error: &Error) -> bool {
    error.conflict() == Some("field")
}

/// Whether the object was deleted and created again since it was read. The API server answers this with a 422, because a uid
/// cannot change, and not with the 409 that it sends for an object that no longer exists.
pub fn is_another_object(status: &Status) -> bool {
    status
        .details
        .iter()
        .flat_map(|details| &details.causes)
        .any(|cause| cause.field == "metadata.uid")
}

/// The message reads `conflict with "kubectl-set" using apps/v1 at …`.
fn manager(message: &str) -> String {
    message.split('"').nth(1).unwrap_or(message).to_owned()
}

/// The message about conflicts that are not forced.
pub fn refusal(conflicts: &[Conflict]) -> Reason {
    let named: Vec<_> = conflicts
        .iter()
        .map(|Conflict { field, manager }| {
            let container = container_of(field).map_or(String::new(), |name| format!("container {name}: "));
            format!("{container}{field} is managed by {manager}")
        })
        .collect();
    Reason::new(
        reasons::FIELD_CONFLICT,
        format!(
            "Deployment: found {}, expected no other manager of these fields. Remove the field from that manager's manifest, or give it the value that the binding asks for",
            named.join("; ")
        ),
    )
}

/// The message if the operator's fields are changed repeatedly.
pub fn contested(what: &str, conflicts: &[Conflict]) -> Reason {
    let mut managers: Vec<_> = conflicts.iter().map(|conflict| conflict.manager.as_str()).collect();
    managers.sort_unstable();
    managers.dedup();
    Reason::new(
        reasons::CONTESTED,
        format!(
            "Field manager {} keeps changing {what}: the operator restored it 5 times within an hour and has stopped. Keep that manager from writing it",
            managers.join(", ")
        ),
    )
}

fn container_of(field: &str) -> Option<&str> {
    let rest = field.split_once("ontainers[name=\"")?.1;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn conflict(field: &str) -> Vec<Conflict> {
        let status: Status = serde_json::from_value(json!({"details": {"causes": [{
            "reason": "FieldManagerConflict", "message": "conflict with \"kubectl-set\" using apps/v1", "field": field,
        }]}}))
        .unwrap();
        conflicts(&status)
    }

    #[test]
    fn names_container_field_and_manager() {
        let node = ".spec.template.spec.containers[name=\"node\"].env[name=\"ATTO_SIGNER_BACKEND\"].value";
        let message = refusal(&conflict(node)).message;
        for part in ["container node", "ATTO_SIGNER_BACKEND", "kubectl-set"] {
            assert!(message.contains(part), "{message}");
        }
    }
}
