//! The native sidecar `signer`.

use crds::names::SIGNER_CONTAINER;
use crds::{EnvVar, SecurityContext};
use serde_json::{Value, json};

use super::policy;
use crate::model::injection::{Injection, SidecarResources};
use crate::template::names::MANAGEMENT_PORT;
use crate::template::resources as default_resources;
use crate::template::variables::token_variable;

/// User and group in the signer's image.
const IMAGE_USER: i64 = 65532;

pub fn render(injection: &Injection) -> Value {
    let management = injection.management_port;
    let mut sidecar = json!({
        "name": SIGNER_CONTAINER,
        "image": injection.image,
        "imagePullPolicy": injection.image_pull_policy.as_str(),
        // An init container that keeps running: it starts before the node and ends after it.
        "restartPolicy": "Always",
        "env": variables(injection),
        "ports": [
            { "name": "signer-api", "containerPort": injection.api_port, "protocol": "TCP" },
            { "name": MANAGEMENT_PORT, "containerPort": management, "protocol": "TCP" },
        ],
        "resources": resources(&injection.resources),
        // The node waits for the key for up to an hour, because a Workload Identity grant may take that long to propagate.
        "startupProbe": {
            "httpGet": { "path": "/health/readiness", "port": management },
            "periodSeconds": 1,
            "timeoutSeconds": 2,
            "failureThreshold": 3600,
        },
        // No readiness probe: a sidecar's readiness counts for the pod, and a KMS outage must not take the node off the network.
        "livenessProbe": {
            "httpGet": { "path": "/health/liveness", "port": management },
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 3,
        },
        "securityContext": security_context(injection.security_context.as_ref()),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    });
    if !injection.mounts.volume_mounts.is_empty() {
        sidecar["volumeMounts"] = json!(injection.mounts.volume_mounts);
    }
    sidecar
}

/// Meets Pod Security `restricted`. User and group are the image's, unless the binding has a security context. Then they are its
/// values, and the platform chooses missing ones.
fn security_context(given: Option<&SecurityContext>) -> Value {
    let mut context = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "seccompProfile": { "type": "RuntimeDefault" },
    });
    let (user, group) = match given {
        None => (Some(IMAGE_USER), Some(IMAGE_USER)),
        Some(SecurityContext {
            run_as_user,
            run_as_group,
        }) => (*run_as_user, *run_as_group),
    };
    for (field, id) in [("runAsUser", user), ("runAsGroup", group)] {
        if let Some(id) = id {
            context[field] = json!(id);
        }
    }
    context
}

/// A variable as the API server stores it: without empty fields.
fn variable(given: &EnvVar) -> Value {
    let EnvVar {
        name,
        value,
        value_from,
    } = given;
    let mut variable = json!({ "name": name });
    if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
        variable["value"] = json!(value);
    }
    if let Some(source) = value_from {
        variable["valueFrom"] = json!(source);
    }
    variable
}

/// In the order of the signer's documentation. Both ports are always set, because a Service called `atto-signer` makes Kubernetes
/// inject `ATTO_SIGNER_PORT=tcp://…` into every pod of the namespace.
fn variables(injection: &Injection) -> Vec<Value> {
    let capabilities: Vec<_> = injection.capabilities.iter().map(|each| each.as_str()).collect();
    let mut variables = injection.key.clone();
    variables.extend(injection.access.iter().cloned());
    variables.extend([
        json!({ "name": "ATTO_SIGNER_ADDRESS", "value": "localhost" }),
        json!({ "name": "ATTO_SIGNER_PORT", "value": injection.api_port.to_string() }),
        json!({ "name": "ATTO_SIGNER_MANAGEMENT_PORT", "value": injection.management_port.to_string() }),
        json!({ "name": "ATTO_SIGNER_CAPABILITIES", "value": capabilities.join(",") }),
        token_variable(&injection.token),
    ]);
    if let Some(address) = &injection.expected_address {
        variables.push(json!({ "name": "ATTO_SIGNER_EXPECTED_PUBLIC_KEY", "value": address }));
    }
    variables.extend(policy::variables(&injection.policy));
    if let Some(level) = injection.log_level {
        variables.push(json!({ "name": "ATTO_SIGNER_LOG", "value": level.as_str() }));
    }
    variables.extend(injection.env.iter().map(variable));
    variables
}

fn resources(resources: &SidecarResources) -> Value {
    match resources {
        SidecarResources::Default(default) => default_resources::of(*default),
        SidecarResources::Given(given) => {
            let mut value = json!({});
            if !given.requests.is_empty() {
                value["requests"] = json!(given.requests);
            }
            if !given.limits.is_empty() {
                value["limits"] = json!(given.limits);
            }
            value
        }
    }
}
