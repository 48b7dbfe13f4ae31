//! Removes possible secrets from objects. A redacted field stays visible.

use serde_json::{Map, Value, json};

const HIDDEN: &str = "(hidden)";
/// Annotations that only Kubernetes and the operator write.
const KNOWN_ANNOTATIONS: [&str; 3] = ["signer.atto.cash/", "deployment.kubernetes.io/", "iam.gke.io/"];
const SETTINGS: &str = "ATTO_SIGNER_";

/// The object without possible secrets.
pub fn redacted(mut object: Value) -> Value {
    hide(&mut object);
    object
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                match (name.as_str(), &mut *value) {
                    ("annotations", Value::Object(annotations)) => hide_annotations(annotations),
                    ("env", Value::Array(variables)) => variables.iter_mut().for_each(hide_variable),
                    ("args" | "command", Value::Array(words)) => *value = json!([format!("{} {HIDDEN}", words.len())]),
                    ("diff", Value::String(_)) => *value = json!(HIDDEN),
                    _ => hide(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(hide),
        _ => {}
    }
}

fn hide_annotations(annotations: &mut Map<String, Value>) {
    for (name, value) in annotations {
        if !KNOWN_ANNOTATIONS.iter().any(|known| name.starts_with(known)) {
            *value = json!(HIDDEN);
        }
    }
}

/// Shows only the signer's settings among the variables, except tokens and values that look like a key.
fn hide_variable(variable: &mut Value) {
    let name = variable["name"].as_str().unwrap_or_default();
    let is_setting = name.starts_with(SETTINGS) && !name.ends_with("TOKEN");
    let looks_like_a_key = |text: &str| text.len() >= 32 && text.chars().all(|each| each.is_ascii_hexdigit());
    if let Some(value) = variable["value"].as_str()
        && (!is_setting || looks_like_a_key(value))
    {
        variable["value"] = json!(HIDDEN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_may_be_secret_is_left() {
        let object = json!({
            "metadata": {"annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "s3cret", "signer.atto.cash/hash": "abc",
            }},
            "spec": {"template": {"spec": {"containers": [{
                "name": "node", "args": ["--password", "s3cret"], "command": ["s3cret"],
                "env": [
                    {"name": "ATTO_DB_PASSWORD", "value": "s3cret"},
                    {"name": "ATTO_SIGNER_REMOTE_TOKEN", "value": "s3cret"},
                    {"name": "ATTO_SIGNER_KEY", "value": "00ff".repeat(16)},
                    {"name": "ATTO_SIGNER_BACKEND", "value": "GCP"},
                    {"name": "ATTO_SIGNER_TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}},
                ],
            }]}}},
            "status": {"plan": {"hash": "abc", "diff": "- value: s3cret"}},
        });
        let shown = redacted(object);
        let text = shown.to_string();
        assert!(!text.contains("s3cret") && !text.contains("00ff"), "{text}");
        let variables = &shown["spec"]["template"]["spec"]["containers"][0]["env"];
        assert_eq!(variables[3]["value"], "GCP");
        assert_eq!(variables[4]["valueFrom"]["secretKeyRef"]["name"], "token");
        assert_eq!(shown["metadata"]["annotations"]["signer.atto.cash/hash"], "abc");
    }
}
