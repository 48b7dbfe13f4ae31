//! Specs that must be accepted as they are.

use serde_json::json;

use crate::cluster::{Change, address, address_of};

#[rustfmt::skip]
pub fn changes() -> Vec<(&'static str, Change)> {
    let receivers: Vec<_> = (1..=64).map(address_of).collect();
    vec![
        ("nothing but what is required", json!({})),
        ("a Deployment name with dots", json!({"target": {"name": "voter.eu-1.atto"}})),
        ("a Deployment name of 253 characters", json!({"target": {"name": "v".repeat(253)}})),
        ("a container", json!({"target": {"container": "atto-node"}})),
        ("a container name of 63 characters", json!({"target": {"container": "n".repeat(63)}})),
        ("a selector by labels", json!({"target": {"name": null, "selector": {"matchLabels": {"app.kubernetes.io/name": "atto-voter", "role": "voter", "empty": ""}}}})),
        ("a selector by expressions", json!({"target": {"name": null, "selector": {"matchExpressions": [
            {"key": "role", "operator": "In", "values": ["voter", "backup"]}, {"key": "tier", "operator": "NotIn", "values": ["test"]},
            {"key": "atto.cash/voter", "operator": "Exists"}, {"key": "historical", "operator": "DoesNotExist"}]}}})),
        ("a selector by both", json!({"target": {"name": null, "selector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}}})),
        ("a local key in the token's Secret", json!({"key": {"gcp": null, "local": {"secretRef": {"name": "atto-signer-secrets", "key": "PRIVATE_KEY"}}}})),
        ("a local key of the token's name", json!({"key": {"gcp": null, "local": {"secretRef": {"name": "voter-key", "key": "SIGNER_SHARED_TOKEN"}}}})),
        ("a local key", json!({"key": {"gcp": null, "local": {"secretRef": {"name": "voter-key", "key": "PRIVATE_KEY"}}}})),
        ("a key in another location", json!({"key": {"gcp": {"keyVersion": "projects/atto-prod-1/locations/europe-west4/keyRings/Ring_1/cryptoKeys/voter-1/cryptoKeyVersions/12"}}})),
        ("a key in a project with a domain", json!({"key": {"gcp": {"keyVersion": "projects/atto.cash:prod/locations/eu/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"}}})),
        ("an expected address", json!({"key": {"expectedAddress": address()}})),
        ("all capabilities", json!({"capabilities": ["BLOCK", "CHALLENGE", "VOTE"]})),
        ("one capability", json!({"capabilities": ["VOTE"]})),
        ("a Secret key with every kind of character", json!({"tokenSecretRef": {"key": "token_v1.Current-2"}})),
        ("an empty policy", json!({"policy": {}})),
        ("networks", json!({"policy": {"networks": ["LIVE", "BETA", "DEV", "LOCAL"]}})),
        ("types of block", json!({"policy": {"blockTypes": ["OPEN", "RECEIVE", "SEND", "CHANGE"]}})),
        ("an amount of nothing", json!({"policy": {"maxAmountPerSend": "0"}})),
        ("an amount of 19 digits", json!({"policy": {"maxAmountPerSend": "9999999999999999999"}})),
        ("an amount of 20 digits", json!({"policy": {"maxAmountPerSend": "10000000000000000000"}})),
        ("the largest amount", json!({"policy": {"maxAmountPerSend": "18000000000000000000"}})),
        ("64 receivers", json!({"policy": {"allowedReceivers": receivers}})),
        ("a representative", json!({"policy": {"representative": address()}})),
        ("the shortest time window", json!({"policy": {"voteTimeWindowSeconds": 1}})),
        ("the longest time window", json!({"policy": {"voteTimeWindowSeconds": 86400}})),
        ("a challenge prefix", json!({"policy": {"challengeUriPrefix": "wss://node.example.com:8082/?a=b#c"}})),
        ("a challenge prefix of 256 characters", json!({"policy": {"challengeUriPrefix": "w".repeat(256)}})),
        ("a Google service account", json!({"workloadIdentity": {"gcpServiceAccount": "signer@atto-prod.iam.gserviceaccount.com"}})),
        ("a Google service account of a project with a domain", json!({"workloadIdentity": {"gcpServiceAccount": "signer@prod.atto.cash.iam.gserviceaccount.com"}})),
        ("empty settings", json!({"signer": {"ports": {}, "resources": {}}})),
        ("an image with a tag", json!({"signer": {"image": "ghcr.io/attocash/signer-operator/signer:0.1.0"}})),
        ("an image at a port", json!({"signer": {"image": "localhost:5000/signer"}})),
        ("an image with a digest", json!({"signer": {"image": format!("ghcr.io/attocash/signer:1@sha256:{}", "0f".repeat(32))}})),
        ("pull policy Always", json!({"signer": {"imagePullPolicy": "Always"}})),
        ("pull policy IfNotPresent", json!({"signer": {"imagePullPolicy": "IfNotPresent"}})),
        ("pull policy Never", json!({"signer": {"imagePullPolicy": "Never"}})),
        ("one port", json!({"signer": {"ports": {"management": 9190}}})),
        ("swapped ports", json!({"signer": {"ports": {"api": 9091, "management": 9090}}})),
        ("the outermost ports", json!({"signer": {"ports": {"api": 1, "management": 65535}}})),
        ("quantities as text", json!({"signer": {"resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi", "ephemeral-storage": "1G"}}}})),
        ("quantities as numbers", json!({"signer": {"resources": {"requests": {"cpu": 1, "memory": 134_217_728}}}})),
        ("every log level", json!({"signer": {"logLevel": "trace"}})),
        ("variables of a proxy", json!({"signer": {"env": [
            {"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"}, {"name": "NO_PROXY", "value": "metadata.google.internal,169.254.169.254"},
            {"name": "empty.value-1"}, {"name": "PROXY_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "proxy", "key": "password"}}},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app.kubernetes.io/name']"}}},
            {"name": "OTHER", "value": "$(POD) and $$(ATTO)"}]}})),
        ("32 variables", json!({"signer": {"env": (0..32).map(|index| json!({"name": format!("A{index}"), "value": "v".repeat(2048)})).collect::<Vec<_>>()}})),
        ("user and group of the platform", json!({"signer": {"securityContext": {}}})),
        ("a user and a group", json!({"signer": {"securityContext": {"runAsUser": 1_000_680_000, "runAsGroup": 2_147_483_647}}})),
        ("an automatic rollout", json!({"rollout": "Automatic"})),
        ("a manual rollout", json!({"rollout": "Manual"})),
        ("deletion that retains", json!({"deletionPolicy": "Retain"})),
        ("deletion that removes", json!({"deletionPolicy": "Remove"})),
        ("suspended", json!({"suspend": true})),
        ("not suspended", json!({"suspend": false})),
    ]
}
