//! The variables of the node container, and those that make a signer this voter and no other.

use crds::SecretKeyRef;
use serde_json::{Value, json};

use crate::model::injection::{Injection, KeySource};

/// The variables of the node container, letter for letter as Atto's documentation tells people to write them, so that
/// a manifest which carries them already co-owns them without a conflict.
pub fn node_variables(injection: &Injection) -> [Value; 3] {
    [
        json!({ "name": "ATTO_SIGNER_BACKEND", "value": "REMOTE" }),
        json!({ "name": "ATTO_SIGNER_REMOTE_URL", "value": format!("http://localhost:{}", injection.api_port) }),
        json!({ "name": "ATTO_SIGNER_REMOTE_TOKEN", "valueFrom": secret_reference(&injection.token) }),
    ]
}

/// The variables that make it this voter and no other: backend, key, token.
pub fn voter_variables(key: &KeySource, token: &SecretKeyRef) -> [Value; 3] {
    let (backend, key) = match key {
        KeySource::Gcp { key_version } => ("GCP", json!({ "name": "ATTO_SIGNER_KEY", "value": key_version })),
        KeySource::Local { secret } => (
            "LOCAL",
            json!({ "name": "ATTO_SIGNER_KEY", "valueFrom": secret_reference(secret) }),
        ),
    };
    [
        json!({ "name": "ATTO_SIGNER_BACKEND", "value": backend }),
        key,
        json!({ "name": "ATTO_SIGNER_TOKEN", "valueFrom": secret_reference(token) }),
    ]
}

/// The source of a variable that a Secret holds.
pub fn secret_reference(reference: &crds::SecretKeyRef) -> Value {
    json!({ "secretKeyRef": { "name": reference.name, "key": reference.key } })
}
