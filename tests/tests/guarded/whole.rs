//! The fields of a pod template whose node uses its signer, checked independently of the guard's expressions.

use serde_json::{Value, json};

const VARIABLES: [&str; 3] = [
    "ATTO_SIGNER_BACKEND",
    "ATTO_SIGNER_REMOTE_URL",
    "ATTO_SIGNER_REMOTE_TOKEN",
];

/// The three variables, in the form of the operator and of Atto's documentation.
pub fn variables() -> Vec<Value> {
    vec![
        json!({"name": VARIABLES[0], "value": "REMOTE"}),
        json!({"name": VARIABLES[1], "value": "http://localhost:9090"}),
        json!({"name": VARIABLES[2], "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}}),
    ]
}

/// The init container `signer` of a template.
pub fn signer(template: &Value) -> Option<&Value> {
    let containers = template["spec"]["initContainers"].as_array()?;
    containers.iter().find(|container| container["name"] == "signer")
}

/// Why pods of this template would run without one of these signers. Empty if the template is complete. `node` is the
/// node's container.
pub fn faults(template: &Value, node: &str, signers: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let metadata = &template["metadata"];
    if !metadata["annotations"]["signer.atto.cash/hash"].is_string() {
        faults.push("no annotation".to_owned());
    }
    if !metadata["labels"]["signer.atto.cash/deployment"].is_string() {
        faults.push("no label".to_owned());
    }
    match signer(template) {
        None => faults.push("no signer".to_owned()),
        Some(found) if !signers.iter().any(|signer| is_same(found, signer)) => faults.push("another signer".to_owned()),
        Some(_) => {}
    }
    let containers = template["spec"]["containers"].as_array();
    match containers.and_then(|list| list.iter().find(|container| container["name"] == node)) {
        None => faults.push(format!("no container {node}")),
        Some(node) => faults.extend(wrong_variables(node)),
    }
    faults
}

/// Whether two containers run the same program in the same way. Resources and similar fields do not matter.
fn is_same(one: &Value, other: &Value) -> bool {
    let fields = [
        "command",
        "args",
        "env",
        "envFrom",
        "lifecycle",
        "restartPolicy",
        "volumeMounts",
    ];
    let image = |container: &Value| {
        container["image"]
            .as_str()
            .map(|image| image.split('@').next().map(str::to_owned))
    };
    one["restartPolicy"] == "Always"
        && image(one) == image(other)
        && fields.iter().all(|field| one[*field] == other[*field])
}

/// As the kubelet reads them: of several entries with one name, the last one applies.
fn wrong_variables(node: &Value) -> Vec<String> {
    let env = node["env"].as_array().map_or(&[][..], Vec::as_slice);
    let last = |name: &str| env.iter().rfind(|variable| variable["name"] == name);
    let is_right = |name: &str| {
        let Some(variable) = last(name) else { return false };
        match name {
            "ATTO_SIGNER_BACKEND" => variable["value"] == "REMOTE",
            "ATTO_SIGNER_REMOTE_URL" => {
                let port = variable["value"]
                    .as_str()
                    .and_then(|url| url.strip_prefix("http://localhost:"));
                port.is_some_and(|port| port.parse::<u16>().is_ok())
            }
            _ => variable["valueFrom"]["secretKeyRef"]["name"].is_string(),
        }
    };
    let wrong = VARIABLES.iter().filter(|name| !is_right(name));
    wrong.map(|name| format!("wrong {name}")).collect()
}
