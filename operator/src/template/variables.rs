//! The variables of the node container, and those that determine a signer's voter.

use crds::SecretKeyRef;
use crds::names::TOKEN_VARIABLE;
use serde_json::{Value, json};

use crate::model::injection::Injection;

/// The variables of the node container, in exactly the form of Atto's documentation, so that a manifest that already contains
/// them co-owns them without a conflict.
pub fn node_variables(injection: &Injection) -> [Value; 3] {
    [
        json!({ "name": "ATTO_SIGNER_BACKEND", "value": "REMOTE" }),
        json!({ "name": "ATTO_SIGNER_REMOTE_URL", "value": format!("http://localhost:{}", injection.api_port) }),
        json!({ "name": "ATTO_SIGNER_REMOTE_TOKEN", "valueFrom": secret_reference(&injection.token) }),
    ]
}

/// The variable of the token. Together with those of the key, it determines the signer's voter.
pub fn token_variable(token: &SecretKeyRef) -> Value {
    json!({ "name": TOKEN_VARIABLE, "valueFrom": secret_reference(token) })
}

/// The source of a variable from a Secret.
pub fn secret_reference(reference: &SecretKeyRef) -> Value {
    json!({ "secretKeyRef": { "name": reference.name, "key": reference.key } })
}
