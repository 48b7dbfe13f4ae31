//! A Deployment that no longer matches a binding with `deletionPolicy: Remove`. Deleting a binding is a decision, but a label can
//! be lost by accident, as in a chart upgrade, and a running voter would restart without its signer.

use crds::SignerBinding;
use crds::conditions::reasons;

use super::approval;
use crate::model::binding::removes;
use crate::model::deployment::LiveDeployment;
use crate::model::observed::{ObservedTarget, Selection};
use crate::model::reason::Reason;

/// The Deployment whose signer is to be removed, now or later.
pub fn of<'a>(binding: &SignerBinding, target: &'a ObservedTarget) -> Option<&'a LiveDeployment> {
    let live = target.deployment.as_ref()?;
    (target.selection == Selection::Departs && removes(binding)).then_some(live)
}

/// Its line in the hash of a plan. Labels come back, and an approval may stay on the binding, so it is about one injection: after
/// the signer was removed and injected again, its next removal is another one.
pub fn entry(live: &LiveDeployment) -> String {
    let injected = live.ours().map(|ours| ours.time).unwrap_or_default();
    format!("{}=removed, injected {injected}\n", live.name())
}

/// Why the signer stays for now. None if it can be removed, because no pod starts or the removal is approved.
pub fn waits(binding: &SignerBinding, live: &LiveDeployment, hash: &str) -> Option<Reason> {
    if !live.starts_pods() || approval::is_given(binding, hash) {
        return None;
    }
    let name = live.name();
    Some(Reason::new(
        reasons::NO_LONGER_SELECTED,
        format!(
            "Deployment {name} no longer matches spec.target.selector. It runs, so it keeps its signer, although deletionPolicy is Remove. To keep the signer permanently, restore the labels of spec.target.selector. To remove it, scale the Deployment to 0 or pause it. {}",
            approval::how(binding, hash)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_removal_of_another_injection_is_another_removal() {
        let of = |injected: &str, generation: u8| {
            entry(&LiveDeployment::new(
                json!({"metadata": {"name": "a", "generation": generation, "managedFields": [
                    {"manager": "kubectl", "operation": "Update", "time": "2026-01-09T00:00:00Z", "fieldsV1": {}},
                    {"manager": "signer-operator", "operation": "Apply", "time": injected, "fieldsV1": {}},
                ]}}),
            ))
        };
        let first = "2026-01-01T00:00:00Z";
        assert_eq!(of(first, 1), of(first, 2), "a changed image leaves an approval valid");
        assert_ne!(of(first, 1), of("2026-01-02T00:00:00Z", 1));
    }
}
