//! Questions that a binding's own status and policy answer.

use crds::names::FINALIZER;
use crds::{DeletionPolicy, SignerBinding, SignerBindingStatus, TargetStatus};
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;

use super::deployment::LiveDeployment;

/// A reference to a binding, as in events.
pub type BindingRef = ObjectRef<DeserializeGuard<SignerBinding>>;

/// Whether this binding has injected its signer into this Deployment before.
pub fn was_injected(binding: &SignerBinding, deployment: &str) -> bool {
    binding.status.as_ref().is_some_and(|status| {
        status
            .targets
            .iter()
            .any(|target| target.injected && target.name == deployment)
    })
}

/// Whether a condition is True in a status.
pub fn is_true(status: &SignerBindingStatus, type_: &str) -> bool {
    status
        .conditions
        .iter()
        .any(|condition| condition.type_ == type_ && condition.status == "True")
}

/// Whether deleting the binding restores its Deployment.
pub fn removes(binding: &SignerBinding) -> bool {
    binding.spec.deletion_policy == Some(DeletionPolicy::Remove)
}

/// Whether the binding asked for removal when it was last reconciled.
pub fn has_finalizer(binding: &SignerBinding) -> bool {
    binding.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// The hash that the status reports as in place for this Deployment.
pub fn recorded_hash<'a>(binding: &'a SignerBinding, deployment: &str) -> Option<&'a str> {
    recorded(binding, deployment)?.hash.as_deref()
}

/// The fingerprint that belongs to that hash.
pub fn recorded_fingerprint<'a>(binding: &'a SignerBinding, deployment: &str) -> Option<&'a str> {
    recorded(binding, deployment)?.fingerprint.as_deref()
}

/// The hash of this binding's last injection into a Deployment of this name, even if it was removed since or the Deployment was
/// deleted.
pub fn last_hash<'a>(binding: &'a SignerBinding, deployment: &str) -> Option<&'a str> {
    if let Some(target) = recorded(binding, deployment) {
        return target.hash.as_deref().or(target.last_hash.as_deref());
    }
    let mut deleted = binding.status.iter().flat_map(|status| &status.deleted_deployments);
    let deleted = deleted.find(|deleted| deleted.name == deployment)?;
    Some(&deleted.last_hash)
}

/// Whether this binding has ever injected a signer into a Deployment of this name.
pub fn has_injected(binding: &SignerBinding, deployment: &str) -> bool {
    was_injected(binding, deployment) || last_hash(binding, deployment).is_some()
}

fn recorded<'a>(binding: &'a SignerBinding, deployment: &str) -> Option<&'a TargetStatus> {
    let status = binding.status.as_ref()?;
    status.targets.iter().find(|target| target.name == deployment)
}

/// Whether this binding's injection is incomplete: the signer or one of the node's variables is missing. Such a node starts
/// without its signer, so it is restored before anything else. A container that has the operator's variables while the binding
/// names another one has lost nothing.
pub fn is_stripped(binding: &SignerBinding, live: &LiveDeployment, node_container: &str) -> bool {
    let is_whole = |container: &str| live.signer().is_some() && live.has_node_variables(container);
    let pointed = live.ours().map(|ours| ours.containers_with_variables());
    has_injected(binding, live.name())
        && !is_whole(node_container)
        && !pointed.into_iter().flatten().any(|container| is_whole(&container))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn binding(target: &Value) -> SignerBinding {
        serde_json::from_value(json!({
            "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding", "metadata": {"name": "voter"},
            "spec": {
                "target": {"name": "voter"}, "capabilities": ["VOTE"], "tokenSecretRef": {"name": "t", "key": "k"},
                "key": {"local": {"secretRef": {"name": "s", "key": "k"}}},
            },
            "status": {"targets": [target]},
        }))
        .unwrap()
    }

    fn live(signer: bool, variables: &[&str]) -> LiveDeployment {
        let env: Vec<_> = variables.iter().map(|name| json!({"name": name})).collect();
        let mut live = json!({"metadata": {"name": "voter"}, "spec": {"template": {"spec": {
            "containers": [{"name": "helper"}, {"name": "node", "env": env}],
        }}}});
        if signer {
            live["spec"]["template"]["spec"]["initContainers"] = json!([{"name": "signer"}]);
        }
        LiveDeployment::new(live)
    }

    #[test]
    fn stripped_is_what_was_injected_and_is_not_whole() {
        let target = |injected: bool| json!({"name": "voter", "injected": injected, "pods": 1, "ready": 0, "reason": "", "message": ""});
        let mut remembered = target(false);
        remembered["lastHash"] = json!("old-t");
        let all = crds::names::NODE_VARIABLES;
        for (target, live, expected, why) in [
            (target(true), live(true, &all), false, "it is whole"),
            (target(true), live(false, &all), true, "the signer is gone"),
            (target(true), live(true, &all[1..]), true, "a variable is gone"),
            (
                remembered.clone(),
                live(false, &[]),
                true,
                "the Deployment was made again",
            ),
            (target(false), live(false, &[]), false, "it never was injected"),
        ] {
            assert_eq!(is_stripped(&binding(&target), &live, "node"), expected, "{why}");
        }
        let voter = binding(&target(true));
        assert!(
            is_stripped(&voter, &live(true, &all), "helper"),
            "a copy in another container"
        );
        let mut moves = live(true, &all).raw().clone();
        moves["metadata"]["managedFields"] = json!([{"manager": "signer-operator", "operation": "Apply", "fieldsV1": {
            "f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"node\"}": {"f:env": {
                "k:{\"name\":\"ATTO_SIGNER_BACKEND\"}": {"f:value": {}},
            }}}}}},
        }}]);
        assert!(
            !is_stripped(&voter, &LiveDeployment::new(moves), "helper"),
            "a change of the container"
        );
        assert_eq!(last_hash(&binding(&remembered), "voter"), Some("old-t"));
        assert_eq!(recorded_hash(&binding(&remembered), "voter"), None);
    }

    #[test]
    fn a_deleted_deployment_of_a_selector_is_remembered_until_it_is_there_again() {
        let mut made_again = binding(&json!({
            "name": "other", "injected": true, "pods": 1, "ready": 0, "reason": "", "message": "",
        }));
        assert!(!is_stripped(&made_again, &live(false, &[]), "node"));
        let status = made_again.status.as_mut().unwrap();
        status.deleted_deployments = vec![crds::DeletedDeployment {
            name: "voter".to_owned(),
            last_hash: "old-t".to_owned(),
        }];
        assert!(is_stripped(&made_again, &live(false, &[]), "node"));
        assert_eq!(last_hash(&made_again, "voter"), Some("old-t"));
        assert!(
            !was_injected(&made_again, "voter"),
            "deleting the binding restores nothing"
        );
    }
}
