//! Step 3: what is wanted. Pure: the same injection always renders to the same bytes, because every difference in a
//! pod template is a rollout.

mod policy;
pub mod service;
mod sidecar;

pub use sidecar::voter_variables;

use crds::names::{DEPLOYMENT_LABEL, FIELD_MANAGER, HASH_ANNOTATION, NODE_VARIABLES};
use serde_json::{Value, json};

use crate::controller::observe::Observed;
use crate::controller::validate::{self, Identity, Injection, Refusal, SignerOrigin, Target, Verdict};
use crate::model::deployment::LiveDeployment;
use crate::template::{hash, names, subset};

/// What is wanted of the cluster for one Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    pub target: Target,
    pub node_container: String,
    /// What the template's annotation says.
    pub hash: String,
    /// The body of the server-side apply: what we add and nothing else.
    pub deployment: Value,
    pub service: Value,
    /// What the pods' ServiceAccount has to say.
    pub identity: Identity,
    /// Why it takes somebody's word to write this.
    pub take_over: Option<Refusal>,
}

/// Renders what may be injected, in the order of the targets.
pub fn render_all(observed: &Observed, verdict: &Verdict) -> Vec<Result<Rendered, Refusal>> {
    let pairs = observed.targets.iter().zip(&verdict.targets);
    pairs
        .map(|(target, verdict)| {
            let injection = verdict.injection.as_ref().map_err(Clone::clone)?;
            render(injection, validate::present(target)?)
        })
        .collect()
}

/// Renders an injection, and refuses a sidecar with our annotation that is not what we would have written.
///
/// # Errors
/// The refusal of a foreign container.
pub fn render(injection: &Injection, live: &LiveDeployment) -> Result<Rendered, Refusal> {
    let sidecar = sidecar::render(injection);
    if injection.signer == SignerOrigin::Annotated && !live.signer().is_some_and(|found| is_equal(found, &sidecar)) {
        return Err(validate::other_signer(live));
    }
    let mut template = json!({
        "metadata": { "labels": { DEPLOYMENT_LABEL: names::short_name(&injection.deployment.name) } },
        "spec": {
            "containers": [{ "name": injection.node_container, "env": node_variables(injection) }],
            "initContainers": [sidecar],
        },
    });
    let hash = hash::of(&template, &injection.token_fingerprint);
    template["metadata"]["annotations"] = json!({ HASH_ANNOTATION: hash });
    let Target { namespace, name, uid } = &injection.deployment;
    Ok(Rendered {
        target: injection.deployment.clone(),
        node_container: injection.node_container.clone(),
        hash,
        deployment: json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            // The uid makes of a Deployment that was deleted in between a conflict; without it, apply would create one.
            "metadata": { "name": name, "namespace": namespace, "uid": uid },
            "spec": { "template": template },
        }),
        service: service::render(injection),
        identity: injection.identity.clone(),
        take_over: injection.take_over.clone(),
    })
}

/// Whether a container is the one that we would write: all of it, and nothing more that decides what runs.
fn is_equal(found: &Value, sidecar: &Value) -> bool {
    let variables = |container: &Value| container["env"].as_array().map(Vec::len);
    subset::contains(found, sidecar)
        && variables(found) == variables(sidecar)
        && ["command", "args", "envFrom", "volumeMounts"]
            .iter()
            .all(|field| found[*field].is_null())
}

/// The variables of the node container, letter for letter as Atto's documentation tells people to write them, so that
/// a manifest which carries them already co-owns them without a conflict.
pub fn node_variables(injection: &Injection) -> [Value; 3] {
    [
        json!({ "name": "ATTO_SIGNER_BACKEND", "value": "REMOTE" }),
        json!({ "name": "ATTO_SIGNER_REMOTE_URL", "value": format!("http://localhost:{}", injection.api_port) }),
        json!({ "name": "ATTO_SIGNER_REMOTE_TOKEN", "valueFrom": secret_reference(&injection.token) }),
    ]
}

fn secret_reference(reference: &crds::SecretKeyRef) -> Value {
    json!({ "secretKeyRef": { "name": reference.name, "key": reference.key } })
}

/// The apply that gives up everything of ours.
pub fn nothing(target: &Target) -> Value {
    let Target { namespace, name, uid } = target;
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name, "namespace": namespace, "uid": uid },
    })
}

/// Whether the Deployment carries what was rendered, recorded as ours.
pub fn is_intact(live: &LiveDeployment, rendered: &Rendered) -> bool {
    live.owns_signer()
        && live.ours().is_some_and(|ours| {
            NODE_VARIABLES
                .iter()
                .all(|variable| ours.owns_variable_value(&rendered.node_container, variable))
        })
        && subset::contains(&live.raw()["spec"], &rendered.deployment["spec"])
}

/// Whether the Service is what was rendered.
pub fn service_is_intact(live: Option<&Value>, rendered: &Rendered) -> bool {
    live.is_some_and(|live| {
        ["labels", "ownerReferences"]
            .iter()
            .all(|field| subset::contains(&live["metadata"][*field], &rendered.service["metadata"][*field]))
            && subset::contains(&live["spec"], &rendered.service["spec"])
            && live["metadata"]["managedFields"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|entry| entry["manager"] == FIELD_MANAGER)
    })
}
