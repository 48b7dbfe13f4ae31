//! The resources of the signer container. Every difference causes a rollout, so the choice at the first injection stays.

use crds::names::SIGNER_CONTAINER;
use crds::{DefaultResources, Resources, SignerBinding};
use serde_json::Value;

use crate::model::deployment::{ContainerList, LiveDeployment};
use crate::model::injection::SidecarResources;
use crate::template::{quantity, resources};

/// The binding's values; otherwise those of the present signer; otherwise the default that fits the pod. A foreign signer was
/// refused before.
pub fn resources(binding: &SignerBinding, live: &LiveDeployment, given: Option<Resources>) -> SidecarResources {
    match given {
        Some(given) => SidecarResources::Given(given),
        None => SidecarResources::Default(kept(binding, live).unwrap_or_else(|| that_go_with(live))),
    }
}

/// The resources at the first injection. If they followed changes of the pod, a user's edit would cause a second rollout and
/// invalidate an approval.
fn kept(binding: &SignerBinding, live: &LiveDeployment) -> Option<DefaultResources> {
    let signer = live.signer()?;
    let targets = binding.status.iter().flat_map(|status| &status.targets);
    let recorded = targets
        .filter(|target| target.name == live.name())
        .find_map(|target| target.signer_resources);
    recorded.or_else(|| resources::found(signer))
}

fn that_go_with(live: &LiveDeployment) -> DefaultResources {
    if has_pod_level(live) {
        DefaultResources::PodLevel
    } else if is_guaranteed(live) {
        DefaultResources::Guaranteed
    } else {
        DefaultResources::Burstable
    }
}

/// Whether the pod has resources of its own, which its containers' resources must not exceed.
/// Source: <https://kubernetes.io/docs/tasks/configure-pod-container/assign-pod-level-resources/>
fn has_pod_level(live: &LiveDeployment) -> bool {
    let resources = &live.raw()["spec"]["template"]["spec"]["resources"];
    ["requests", "limits"]
        .iter()
        .any(|field| resources[*field].as_object().is_some_and(|map| !map.is_empty()))
}

/// Whether the pod is in class Guaranteed without the signer: every container has limits of CPU and memory, and equal requests (a
/// missing request equals the limit).
/// Source: <https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/>
fn is_guaranteed(live: &LiveDeployment) -> bool {
    let mut others = live
        .containers(ContainerList::Containers)
        .iter()
        .chain(live.containers(ContainerList::InitContainers))
        .filter(|container| container["name"] != SIGNER_CONTAINER)
        .peekable();
    others.peek().is_some() && others.all(is_guaranteed_container)
}

fn is_guaranteed_container(container: &Value) -> bool {
    let resources = &container["resources"];
    ["cpu", "memory"].iter().all(|resource| {
        let limit = &resources["limits"][resource];
        let request = &resources["requests"][resource];
        !limit.is_null() && (request.is_null() || quantity::equal(request, limit))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn binding(recorded: Option<&str>) -> SignerBinding {
        let mut target = json!({"name": "voter", "injected": true, "pods": 1, "ready": 1, "reason": "", "message": ""});
        if let Some(recorded) = recorded {
            target["signerResources"] = json!(recorded);
        }
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

    /// A Deployment with these resources of its node, its pod, and its injected signer.
    fn live(node: &Value, pod: &Value, signer: Option<&Value>) -> LiveDeployment {
        let mut object = json!({
            "metadata": {"name": "voter", "managedFields": [{"manager": "signer-operator", "operation": "Apply", "fieldsV1": {
                "f:spec": {"f:template": {"f:spec": {"f:initContainers": {"k:{\"name\":\"signer\"}": {}}}}},
            }}]},
            "spec": {"template": {"spec": {"containers": [{"name": "node", "resources": node}], "resources": pod}}},
        });
        if let Some(signer) = signer {
            object["spec"]["template"]["spec"]["initContainers"] = json!([{"name": "signer", "resources": signer}]);
        }
        LiveDeployment::new(object)
    }

    fn of(recorded: Option<&str>, live: &LiveDeployment) -> SidecarResources {
        resources(&binding(recorded), live, None)
    }

    #[test]
    fn a_signer_keeps_what_it_was_injected_with() {
        use DefaultResources::{Burstable, Guaranteed, PodLevel};
        let (nothing, full) = (json!({}), json!({"limits": {"cpu": "1", "memory": "1Gi"}}));
        let altered = json!({"limits": {"cpu": "7", "memory": "7Gi"}});
        for (node, pod, signer, recorded, expected, why) in [
            (&nothing, &nothing, None, None, Burstable, "a pod without limits"),
            (&full, &nothing, None, None, Guaranteed, "a pod of class Guaranteed"),
            (&full, &full, None, None, PodLevel, "a pod with resources of its own"),
            (
                &full,
                &nothing,
                Some(&resources::of(Burstable)),
                Some("Burstable"),
                Burstable,
                "recorded",
            ),
            (
                &full,
                &full,
                Some(&resources::of(Burstable)),
                Some("Burstable"),
                Burstable,
                "recorded, of a pod",
            ),
            (
                &nothing,
                &nothing,
                Some(&nothing),
                Some("PodLevel"),
                PodLevel,
                "recorded, none",
            ),
            (
                &full,
                &nothing,
                Some(&altered),
                Some("Burstable"),
                Burstable,
                "recorded, and altered since",
            ),
            (
                &full,
                &nothing,
                Some(&resources::of(Burstable)),
                None,
                Burstable,
                "of before it was recorded",
            ),
            (
                &full,
                &nothing,
                Some(&altered),
                None,
                Guaranteed,
                "of the binding, which gives none any more",
            ),
            (
                &full,
                &nothing,
                None,
                Some("Burstable"),
                Guaranteed,
                "recorded, and gone",
            ),
        ] {
            assert_eq!(
                of(recorded, &live(node, pod, signer)),
                SidecarResources::Default(expected),
                "{why}"
            );
        }
    }
}
