//! The objects of one voter.

use serde_json::{Value, json};

use super::VOTER;

/// A Secret with one key.
pub fn secret(name: &str, key: &str, value: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": { key: value } })
}

/// A realistic voter without a signer.
pub fn voter() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": VOTER, "labels": { "app": VOTER } },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": { "app": VOTER } },
            "template": {
                "metadata": { "labels": { "app": VOTER } },
                "spec": {
                    "containers": [
                        {
                            "name": "node",
                            "image": "registry.example/node:1",
                            "env": [{ "name": "ATTO_PUBLIC_URI", "value": "wss://voter.example:8082" }],
                            "ports": [{ "containerPort": 8082 }],
                        },
                        { "name": "exporter", "image": "registry.example/exporter:1" },
                    ],
                },
            },
        },
    })
}

/// A binding with a LOCAL key for [`voter`].
pub fn binding() -> Value {
    json!({
        "apiVersion": "signer.atto.cash/v1alpha1",
        "kind": "SignerBinding",
        "metadata": { "name": VOTER },
        "spec": {
            "target": { "name": VOTER },
            "key": { "local": { "secretRef": { "name": "key", "key": "value" } } },
            "capabilities": ["VOTE", "CHALLENGE"],
            "tokenSecretRef": { "name": "token", "key": "value" },
        },
    })
}

/// The same object with one changed value.
pub fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    let found = object.pointer_mut(parent);
    found.unwrap_or_else(|| unreachable!("the fixture has no {pointer}"))[field] = value;
    object
}

/// A key in Vault, which adds a volume with a token and one with certificates to the pod.
pub fn vault_key() -> Value {
    json!({"vault": {
        "address": "https://vault.example.com", "key": "voter", "version": 1, "auth": {"kubernetes": {"role": "voter"}},
        "caSecretRef": {"name": "key", "key": "value"},
    }})
}
