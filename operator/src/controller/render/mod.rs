//! Step 3: render. Pure: the same injection always renders to the same bytes, because every difference in a pod template causes a
//! rollout.

mod policy;
pub mod service;
mod sidecar;

use crds::conditions::reasons;
use crds::names::SIGNER_CONTAINER;
use crds::names::{DEPLOYMENT_LABEL, HASH_ANNOTATION};
use serde_json::{Value, json};

use crate::model::injection::{DeploymentRef, Injection, SignerOrigin, Verdict};
use crate::model::reason::Reason;
use crate::model::rendered::Rendered;
use crate::template::variables::node_variables;
use crate::template::{additions, hash, names, subset};

/// Renders what may be injected, in the order of the targets.
pub fn render_all(verdict: &Verdict) -> Vec<Result<Rendered, Reason>> {
    let targets = verdict.targets.iter();
    targets
        .map(|target| render(target.injection.as_ref().map_err(Clone::clone)?))
        .collect()
}

/// Renders an injection. Refuses a sidecar that is not recorded as the operator's and differs from the rendering.
///
/// # Errors
/// The refusal of a foreign container.
pub fn render(injection: &Injection) -> Result<Rendered, Reason> {
    let sidecar = sidecar::render(injection);
    if let SignerOrigin::Unrecorded { found } = &injection.signer
        && !is_equal(found, &sidecar)
    {
        return Err(other_signer(&injection.deployment));
    }
    let mut template = json!({
        "metadata": { "labels": { DEPLOYMENT_LABEL: names::short_name(&injection.deployment.name) } },
        "spec": {
            "containers": [{ "name": injection.node_container, "env": node_variables(injection) }],
            "initContainers": [sidecar],
        },
    });
    if !injection.mounts.volumes.is_empty() {
        template["spec"]["volumes"] = json!(injection.mounts.volumes);
    }
    let hash = hash::of(&template, &injection.token_fingerprint);
    template["metadata"]["annotations"] = json!({ HASH_ANNOTATION: hash });
    let DeploymentRef { namespace, name, uid } = &injection.deployment;
    Ok(Rendered {
        target: injection.deployment.clone(),
        node_container: injection.node_container.clone(),
        hash,
        deployment: json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            // With the uid, an apply to a deleted Deployment is a conflict. Without it, the apply would create one.
            "metadata": { "name": name, "namespace": namespace, "uid": uid },
            "spec": { "template": template },
        }),
        service: service::render(injection),
        identity: injection.identity.clone(),
        needs_approval: injection.needs_approval.clone(),
    })
}

/// Whether a container equals the rendered one, without further fields that affect what runs.
fn is_equal(found: &Value, sidecar: &Value) -> bool {
    subset::contains(found, sidecar) && additions::of(found, sidecar).is_empty()
}

/// The refusal of a container that is not recorded as the operator's and differs from the rendering.
fn other_signer(deployment: &DeploymentRef) -> Reason {
    Reason::new(
        reasons::FOREIGN_SIGNER,
        format!(
            "Deployment {}: found a container `{SIGNER_CONTAINER}` that the operator did not write and that differs from what this binding renders, as after restoring a backup of another version, or with an admission webhook or policy that adds such a container. Stop what adds it, pause the Deployment, and remove that container and the annotation {HASH_ANNOTATION}",
            deployment.name
        ),
    )
}
