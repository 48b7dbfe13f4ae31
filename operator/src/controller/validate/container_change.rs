//! Moving the variables to another container removes them from the present one, which then starts without the signer.

use crds::conditions::reasons;

use crate::model::deployment::{ContainerList, LiveDeployment};
use crate::model::reason::Reason;

/// Why the change to this container waits. None if nothing changes, or no running container would lose its signer.
pub fn pending(live: &LiveDeployment, node_container: &str, wanted: Option<&str>) -> Option<Reason> {
    if !live.starts_pods() {
        return None;
    }
    let pointed = live.ours()?.containers_with_variables();
    if pointed.iter().any(|name| name == node_container) {
        return None;
    }
    let before = pointed
        .iter()
        .find(|name| live.container(ContainerList::Containers, name).is_some())?;
    let found = match wanted {
        Some(wanted) => format!("found {wanted}"),
        None => format!("not set, which means {node_container} now that the pod has several containers"),
    };
    let deployment = live.name();
    Some(Reason::new(
        reasons::CONTAINER_CHANGE_PENDING,
        format!(
            "spec.target.container: {found}, and container {before} of Deployment {deployment} has the variables, runs, and would start without its signer. To keep it: set spec.target.container to {before}. To change it: kubectl rollout pause deployment/{deployment} --namespace {}, wait for Injected, resume; or approve status.plan, which restarts {before} without its signer",
            live.namespace()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live(containers: &[&str], paused: bool, replicas: u32) -> LiveDeployment {
        let containers: Vec<_> = containers.iter().map(|name| json!({"name": name})).collect();
        let fields = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"voter\"}": {"f:env": {
            "k:{\"name\":\"ATTO_SIGNER_BACKEND\"}": {"f:value": {}},
        }}}}}}});
        LiveDeployment::new(json!({
            "metadata": {"name": "d", "managedFields": [
                {"manager": "signer-operator", "operation": "Apply", "fieldsV1": fields},
            ]},
            "spec": {"paused": paused, "replicas": replicas, "template": {"spec": {"containers": containers}}},
        }))
    }

    #[test]
    fn waits_while_the_container_that_has_the_signer_runs() {
        for (live, node_container, waits) in [
            (live(&["voter", "node"], false, 1), "node", true),
            (live(&["voter", "node"], true, 1), "node", false),
            (live(&["voter", "node"], false, 0), "node", false),
            (live(&["voter", "node"], false, 1), "voter", false),
            (live(&["node"], false, 1), "node", false),
        ] {
            let found = pending(&live, node_container, None);
            assert_eq!(found.is_some(), waits, "{live:?} {node_container}");
        }
        let message = pending(&live(&["voter", "node"], false, 1), "node", None)
            .unwrap()
            .message;
        for part in ["spec.target.container: not set", "container voter", "rollout pause"] {
            assert!(message.contains(part), "{message}");
        }
    }
}
