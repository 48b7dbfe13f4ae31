//! Whether a Service with the name that the operator needs is its own.

use crds::conditions::reasons;
use crds::names::{DEPLOYMENT_LABEL, FIELD_MANAGER};
use serde_json::Value;

use super::names::{MANAGED_BY, short_name};
use crate::model::reason::Reason;

/// The Service is recorded as the operator's, or comes from a restored backup, which has neither owners nor `managedFields`. In
/// that case it has both labels that only the operator sets, is headless, and selects the pods of this Deployment by the
/// operator's label. A Service that a person created has none of these.
pub fn is_ours(service: &Value, deployment: &str) -> bool {
    let mut entries = service["metadata"]["managedFields"].as_array().into_iter().flatten();
    let is_recorded = entries.any(|entry| entry["manager"] == FIELD_MANAGER && entry["operation"] == "Apply");
    is_recorded || is_restored(service, deployment)
}

/// The refusal of a Service with the operator's name that the operator did not create. It belongs to another owner, whatever it
/// looks like.
///
/// # Errors
/// The refusal.
pub fn is_free(found: Option<&Value>, deployment: &str) -> Result<(), Reason> {
    let Some(found) = found.filter(|found| !is_ours(found, deployment)) else {
        return Ok(());
    };
    Err(Reason::new(
        reasons::SERVICE_CONFLICT,
        format!(
            "Service {} exists and was not created by the operator, which needs that name for the metrics of Deployment {deployment}. Rename or delete it",
            found["metadata"]["name"].as_str().unwrap_or_default()
        ),
    ))
}

fn is_restored(service: &Value, deployment: &str) -> bool {
    let (labels, label) = (&service["metadata"]["labels"], short_name(deployment));
    labels[MANAGED_BY.0] == MANAGED_BY.1
        && labels[DEPLOYMENT_LABEL] == *label
        && service["spec"]["clusterIP"] == "None"
        && service["spec"]["selector"][DEPLOYMENT_LABEL] == *label
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn restored() -> Value {
        json!({
            "metadata": {
                "labels": {"app.kubernetes.io/managed-by": "signer-operator", "signer.atto.cash/deployment": "voter"},
                "managedFields": [{"manager": "velero-server", "operation": "Update"}],
            },
            "spec": {"clusterIP": "None", "selector": {"app": "voter", "signer.atto.cash/deployment": "voter"}},
        })
    }

    #[test]
    fn a_service_of_somebody_else_is_never_taken() {
        assert!(is_ours(&restored(), "voter"));
        assert!(!is_ours(&restored(), "other"));
        let mut of_an_earlier_operator = restored();
        of_an_earlier_operator["spec"]["selector"] = json!({"signer.atto.cash/deployment": "voter"});
        assert!(is_ours(&of_an_earlier_operator, "voter"));
        for (pointer, value) in [
            ("/metadata/labels/app.kubernetes.io~1managed-by", json!("Helm")),
            ("/metadata/labels/signer.atto.cash~1deployment", json!("other")),
            ("/metadata/labels", json!(null)),
            ("/spec/selector", json!({"app": "voter"})),
            ("/spec/selector", json!(null)),
            ("/spec/clusterIP", json!("10.0.0.1")),
        ] {
            let mut service = restored();
            *service.pointer_mut(pointer).unwrap() = value;
            assert!(!is_ours(&service, "voter"), "{service}");
        }
        let by = |operation: &str| json!({"metadata": {"managedFields": [{"manager": "signer-operator", "operation": operation}]}});
        assert!(is_ours(&by("Apply"), "voter"));
        assert!(!is_ours(&by("Update"), "voter"));
    }
}
