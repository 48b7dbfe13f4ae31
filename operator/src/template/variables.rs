//! The variables of the node container, and those that make a signer this voter and no other.

use crds::SecretKeyRef;
use crds::names::TOKEN_VARIABLE;
use serde_json::{Value, json};

use crate::model::injection::Injection;

/// The variables of the node container, letter for letter as Atto's documentation tells people to write them, so that
/// a manifest which carries them already co-owns them without a conflict.
pub fn node_variables(injection: &Injection) -> [Value; 3] {
    [
        json!({ "name": "ATTO_SIGNER_BACKEND", "value": "REMOTE" }),
        json!({ "name": "ATTO_SIGNER_REMOTE_URL", "value": format!("http://localhost:{}", injection.api_port) }),
        json!({ "name": "ATTO_SIGNER_REMOTE_TOKEN", "valueFrom": secret_reference(&injection.token) }),
    ]
}

/// The variable of the token, which makes a signer this voter and no other together with those of its key.
pub fn token_variable(token: &SecretKeyRef) -> Value {
    json!({ "name": TOKEN_VARIABLE, "valueFrom": secret_reference(token) })
}

/// The source of a variable that a Secret holds.
pub fn secret_reference(reference: &SecretKeyRef) -> Value {
    json!({ "secretKeyRef": { "name": reference.name, "key": reference.key } })
}
