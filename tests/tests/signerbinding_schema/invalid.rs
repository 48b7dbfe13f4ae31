//! Specs that the API server must refuse, each with the expected message for the person.

use serde_json::json;

use crate::cluster::{Change, address};

const NAME: &str = "lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit";
const CONTAINER: &str =
    "must be the name of a container: lower-case letters, digits and '-', beginning and ending with a letter or digit";
const KEY_VERSION: &str = "spec.key.gcp.keyVersion: Invalid value: …must be the full resource ID of a key version: projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY/cryptoKeyVersions/NUMBER (gcloud kms keys versions list prints it)";
const ADDRESS: &str = "must be an Atto address: atto:// and 61 characters a-z and 2-7";
const AMOUNT: &str = "spec.policy.maxAmountPerSend: Invalid value: …must be an amount in raw units as a decimal string, from \"0\" to \"18000000000000000000\"";
const QUANTITY: &str = "every value must be a quantity that is not negative, such as \"50m\", \"128Mi\" or 1";
const IMAGE: &str = "spec.signer.image: Invalid value: …must be a container image reference: REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST";
const EMAIL: &str = "spec.workloadIdentity.gcpServiceAccount: Invalid value: …must be the e-mail address of a Google service account: NAME@PROJECT.iam.gserviceaccount.com";
const PORTS: &str =
    "spec.signer.ports: Invalid value: …api and management must be different ports (defaults: 9090 and 9091)";
const NODE_PORTS: &str =
    "spec.signer.ports: Invalid value: …8080, 8081 and 8082 are the node's own ports: choose other ports";
const PREFIX: &str =
    "spec.policy.challengeUriPrefix: Invalid value: …must be the beginning of a URI, in printable ASCII without blanks";
const EMPTY_SELECTOR: &str = "spec.target.selector: Invalid value: …must not be empty: an empty selector would select every Deployment of the namespace";
const VALUES: &str = "values must be set for In and NotIn, and must not be set for Exists and DoesNotExist";

fn key_version(text: impl Into<String>) -> Change {
    json!({"key": {"gcp": {"keyVersion": text.into()}}})
}

fn selector(selector: &Change) -> Change {
    json!({"target": {"name": null, "selector": selector}})
}

fn expression(expression: &Change) -> Change {
    selector(&json!({"matchExpressions": [expression]}))
}

fn resources(key: &str, value: &Change) -> Change {
    json!({"signer": {"resources": {"limits": {key: value}}}})
}

const TOKEN_IS_THE_KEY: &str = "spec: Invalid value: …tokenSecretRef must not be the private key (key.local.secretRef): the node would send it as its token; put a separate token into another Secret, or under another key";

/// Name, change, and what the message must contain; `…` stands for anything, such as the value itself, or its type where the API server
/// is an old one.
#[allow(clippy::too_many_lines, reason = "a table")]
#[rustfmt::skip]
pub fn changes() -> Vec<(&'static str, Change, String)> {
    let mut cases = Vec::new();
    let mut case = |name, change, message: &str| cases.push((name, change, message.to_owned()));

    case("no target", json!({"target": null}), "spec.target: Required value");
    case("an empty target", json!({"target": {"name": null}}), "spec.target: Invalid value: …set exactly one of name and selector");
    case("name and selector", json!({"target": {"selector": {"matchLabels": {"a": "b"}}}}), "spec.target: Invalid value: …set exactly one of name and selector");
    case("a Deployment name in capitals", json!({"target": {"name": "Voter"}}), &format!("spec.target.name: Invalid value: …must be the name of a Deployment: {NAME}"));
    case("a Deployment name with _", json!({"target": {"name": "atto_voter"}}), &format!("spec.target.name: Invalid value: …must be the name of a Deployment: {NAME}"));
    case("a Deployment with its kind", json!({"target": {"name": "deployment/atto-voter"}}), &format!("spec.target.name: Invalid value: …must be the name of a Deployment: {NAME}"));
    case("a Deployment name that ends in a newline", json!({"target": {"name": "atto-voter\n"}}), &format!("spec.target.name: Invalid value: …must be the name of a Deployment: {NAME}"));
    case("an empty Deployment name", json!({"target": {"name": ""}}), "spec.target.name");
    case("a Deployment name of 254 characters", json!({"target": {"name": "v".repeat(254)}}), "spec.target.name: Too long: may not be …253");
    case("a container name in capitals", json!({"target": {"container": "Node"}}), &format!("spec.target.container: Invalid value: …{CONTAINER}"));
    case("a container name with a dot", json!({"target": {"container": "atto.node"}}), &format!("spec.target.container: Invalid value: …{CONTAINER}"));
    case("a container name of 64 characters", json!({"target": {"container": "n".repeat(64)}}), "spec.target.container: Too long: may not be …63");
    case("our own container", json!({"target": {"container": "signer"}}), "spec.target.container: Invalid value: …must not be 'signer', which is the container that the operator injects: name the container of the node");

    case("an empty selector", selector(&json!({})), EMPTY_SELECTOR);
    case("a selector of empty parts", selector(&json!({"matchLabels": {}, "matchExpressions": []})), EMPTY_SELECTOR);
    case("a label key that is none", selector(&json!({"matchLabels": {"not a label": "x"}})), "every key must be a label key: an optional DNS prefix and '/', then letters, digits, '-', '_' and '.'");
    case("a label value that is none", selector(&json!({"matchLabels": {"role": "voter!"}})), "every value must be a label value: letters, digits, '-', '_' and '.', beginning and ending with a letter or digit");
    case("17 labels", selector(&json!({"matchLabels": ('a'..='q').map(|c| (c.to_string(), "x")).collect::<std::collections::BTreeMap<_, _>>()})), "spec.target.selector.matchLabels: Too many: 17: must have at most 16 items");
    case("In without values", expression(&json!({"key": "role", "operator": "In"})), VALUES);
    case("NotIn of nothing", expression(&json!({"key": "role", "operator": "NotIn", "values": []})), VALUES);
    case("Exists with values", expression(&json!({"key": "role", "operator": "Exists", "values": ["voter"]})), VALUES);
    case("an operator that is none", expression(&json!({"key": "role", "operator": "Gt", "values": ["1"]})), "Unsupported value: \"Gt\": supported values: \"In\", \"NotIn\", \"Exists\", \"DoesNotExist\"");
    case("an expression on no label", expression(&json!({"key": "-role", "operator": "Exists"})), "must be a label key: an optional DNS prefix and '/', then letters, digits, '-', '_' and '.'");

    case("no key", json!({"key": null}), "spec.key: Required value");
    case("an empty key", json!({"key": {"gcp": null}}), "spec.key: Invalid value: …set exactly one of gcp, aws, vault and local");
    case("two keys", json!({"key": {"local": {"secretRef": {"name": "a", "key": "b"}}}}), "spec.key: Invalid value: …set exactly one of gcp, aws, vault and local");
    case("a key without its version", json!({"key": {"gcp": {"keyVersion": null}}}), "spec.key.gcp.keyVersion: Required value");
    case("a crypto key instead of a version", key_version("projects/p/locations/global/keyRings/r/cryptoKeys/k"), KEY_VERSION);
    case("version 0", key_version("projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/0"), KEY_VERSION);
    case("version latest", key_version("projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/latest"), KEY_VERSION);
    case("a version in braces, as documentation has it", key_version("{projects/.../cryptoKeyVersions/1}"), KEY_VERSION);
    case("a URL", key_version("https://cloudkms.googleapis.com/v1/projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"), KEY_VERSION);
    case("a slash too many", key_version("projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1/"), KEY_VERSION);
    case("an empty key version", key_version(""), KEY_VERSION);
    case("a key version of 600 characters", key_version("p".repeat(600)), "spec.key.gcp.keyVersion: Too long: may not be …512");
    case("a local key without a Secret", json!({"key": {"gcp": null, "local": {}}}), "spec.key.local.secretRef: Required value");
    case("a local key without the Secret's key", json!({"key": {"gcp": null, "local": {"secretRef": {"name": "voter-key"}}}}), "spec.key.local.secretRef.key: Required value");
    case("a local key written into the binding", json!({"key": {"gcp": null, "local": {"secretRef": {"name": "voter-key", "key": "k"}, "privateKey": "00"}}}), "unknown field \"spec.key.local.privateKey\"");
    case("an expected public key in hex", json!({"key": {"expectedAddress": "3B6A27BCCEB6A42D62A3A8D02A6F0D73653215771DE243A63AC048A18B59DA29"}}), &format!("spec.key.expectedAddress: Invalid value: …{ADDRESS}"));
    case("an expected address without its scheme", json!({"key": {"expectedAddress": address().trim_start_matches("atto://")}}), &format!("spec.key.expectedAddress: Invalid value: …{ADDRESS}"));
    case("an expected address in capitals", json!({"key": {"expectedAddress": address().to_uppercase()}}), &format!("spec.key.expectedAddress: Invalid value: …{ADDRESS}"));
    case("an expected address of another algorithm", json!({"key": {"expectedAddress": format!("atto://b{}", "a".repeat(60))}}), &format!("spec.key.expectedAddress: Invalid value: …{ADDRESS}"));

    case("no capabilities", json!({"capabilities": null}), "spec.capabilities: Required value");
    case("an empty list of capabilities", json!({"capabilities": []}), "spec.capabilities: Invalid value: 0: spec.capabilities in body should have at least 1 items");
    case("capabilities in lower case", json!({"capabilities": ["vote"]}), "spec.capabilities[0]: Unsupported value: \"vote\": supported values: \"BLOCK\", \"CHALLENGE\", \"VOTE\"");
    case("capabilities as one text", json!({"capabilities": "CHALLENGE,VOTE"}), "spec.capabilities: Invalid value: \"string\"");
    case("a capability twice", json!({"capabilities": ["VOTE", "VOTE"]}), "spec.capabilities[1]: Duplicate value: \"VOTE\"");
    case("four capabilities", json!({"capabilities": ["VOTE", "BLOCK", "CHALLENGE", "VOTE"]}), "spec.capabilities: Too many: 4: must have at most 3 items");

    case("no networks", json!({"policy": {"networks": []}}), "spec.policy.networks: Invalid value: 0: spec.policy.networks in body should have at least 1 items");
    case("a network that is none", json!({"policy": {"networks": ["MAIN"]}}), "spec.policy.networks[0]: Unsupported value: \"MAIN\": supported values: \"LIVE\", \"BETA\", \"DEV\", \"LOCAL\"");
    case("a network twice", json!({"policy": {"networks": ["LIVE", "LIVE"]}}), "spec.policy.networks[1]: Duplicate value: \"LIVE\"");
    case("a type of block that is none", json!({"policy": {"blockTypes": ["MINT"]}}), "spec.policy.blockTypes[0]: Unsupported value: \"MINT\": supported values: \"OPEN\", \"RECEIVE\", \"SEND\", \"CHANGE\"");
    case("an amount above all there is", json!({"policy": {"maxAmountPerSend": "18000000000000000001"}}), AMOUNT);
    case("an amount of 20 nines", json!({"policy": {"maxAmountPerSend": "9".repeat(20)}}), AMOUNT);
    case("an amount of 21 digits", json!({"policy": {"maxAmountPerSend": "1".repeat(21)}}), "spec.policy.maxAmountPerSend: Too long: may not be …20");
    case("a negative amount", json!({"policy": {"maxAmountPerSend": "-1"}}), AMOUNT);
    case("a fraction", json!({"policy": {"maxAmountPerSend": "1.5"}}), AMOUNT);
    case("an amount with a leading zero", json!({"policy": {"maxAmountPerSend": "01"}}), AMOUNT);
    case("an amount as a number", json!({"policy": {"maxAmountPerSend": 1000}}), "spec.policy.maxAmountPerSend: Invalid value: \"integer\"");
    case("a receiver that is none", json!({"policy": {"allowedReceivers": [address(), "atto://short"]}}), &format!("spec.policy.allowedReceivers: Invalid value: …every item {ADDRESS}"));
    case("no receivers", json!({"policy": {"allowedReceivers": []}}), "spec.policy.allowedReceivers: Invalid value: 0: spec.policy.allowedReceivers in body should have at least 1 items");
    case("a receiver twice", json!({"policy": {"allowedReceivers": [address(), address()]}}), "spec.policy.allowedReceivers[1]: Duplicate value");
    case("65 receivers", json!({"policy": {"allowedReceivers": vec![address(); 65]}}), "spec.policy.allowedReceivers: Too many: 65: must have at most 64 items");
    case("a representative that is none", json!({"policy": {"representative": "me"}}), &format!("spec.policy.representative: Invalid value: …{ADDRESS}"));
    case("no time window", json!({"policy": {"voteTimeWindowSeconds": 0}}), "spec.policy.voteTimeWindowSeconds: Invalid value: 0: spec.policy.voteTimeWindowSeconds in body should be greater than or equal to 1");
    case("a negative time window", json!({"policy": {"voteTimeWindowSeconds": -60}}), "spec.policy.voteTimeWindowSeconds in body should be greater than or equal to 1");
    case("a time window above a day", json!({"policy": {"voteTimeWindowSeconds": 86401}}), "spec.policy.voteTimeWindowSeconds in body should be less than or equal to 86400");
    case("a time window with a unit", json!({"policy": {"voteTimeWindowSeconds": "60s"}}), "spec.policy.voteTimeWindowSeconds: Invalid value: \"string\"");
    case("a challenge prefix with a blank", json!({"policy": {"challengeUriPrefix": "wss://a b"}}), PREFIX);
    case("a challenge prefix beyond ASCII", json!({"policy": {"challengeUriPrefix": "wss://ätto"}}), PREFIX);
    case("an empty challenge prefix", json!({"policy": {"challengeUriPrefix": ""}}), "spec.policy.challengeUriPrefix");
    case("a challenge prefix of 257 characters", json!({"policy": {"challengeUriPrefix": "w".repeat(257)}}), "spec.policy.challengeUriPrefix: Too long: may not be …256");

    case("no token", json!({"tokenSecretRef": null}), "spec.tokenSecretRef: Required value");
    case("a token without its Secret", json!({"tokenSecretRef": {"name": null}}), "spec.tokenSecretRef.name: Required value");
    case("a token without its key", json!({"tokenSecretRef": {"key": null}}), "spec.tokenSecretRef.key: Required value");
    case("a Secret name in capitals", json!({"tokenSecretRef": {"name": "Secrets"}}), &format!("spec.tokenSecretRef.name: Invalid value: …must be the name of a Secret: {NAME}"));
    case("a Secret of another namespace", json!({"tokenSecretRef": {"name": "other/secrets"}}), &format!("spec.tokenSecretRef.name: Invalid value: …must be the name of a Secret: {NAME}"));
    case("a Secret key with a slash", json!({"tokenSecretRef": {"key": "a/b"}}), "spec.tokenSecretRef.key: Invalid value: …must be a key of the Secret: letters, digits, '-', '_' and '.'");
    case("a token written into the binding", json!({"tokenSecretRef": {"value": "secret"}}), "unknown field \"spec.tokenSecretRef.value\"");

    case("a private key as the token", json!({"key": {"gcp": null, "local": {"secretRef": {"name": "atto-signer-secrets", "key": "SIGNER_SHARED_TOKEN"}}}}), TOKEN_IS_THE_KEY);
    case("a local key with workload identity", json!({"key": {"gcp": null, "local": {"secretRef": {"name": "a", "key": "b"}}}, "workloadIdentity": {"gcpServiceAccount": "signer@p.iam.gserviceaccount.com"}}), "spec: Invalid value: …workloadIdentity is only for key.gcp: remove it, or use a key in Google Cloud KMS");
    case("an empty workload identity", json!({"workloadIdentity": {}}), "spec.workloadIdentity.gcpServiceAccount: Required value");
    case("a Kubernetes ServiceAccount", json!({"workloadIdentity": {"gcpServiceAccount": "atto-voter"}}), EMAIL);
    case("an e-mail address of a person", json!({"workloadIdentity": {"gcpServiceAccount": "jane@example.com"}}), EMAIL);
    case("a member as IAM has it", json!({"workloadIdentity": {"gcpServiceAccount": "serviceAccount:signer@p.iam.gserviceaccount.com"}}), EMAIL);

    case("an image in capitals", json!({"signer": {"image": "Signer:1"}}), IMAGE);
    case("an image with a blank", json!({"signer": {"image": "signer :1"}}), IMAGE);
    case("an image with a short digest", json!({"signer": {"image": "signer@sha256:abc"}}), IMAGE);
    case("an empty image", json!({"signer": {"image": ""}}), "spec.signer.image");
    case("a pull policy that is none", json!({"signer": {"imagePullPolicy": "Sometimes"}}), "spec.signer.imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"IfNotPresent\", \"Never\"");
    case("one port for both", json!({"signer": {"ports": {"api": 9000, "management": 9000}}}), PORTS);
    case("the default of the other port", json!({"signer": {"ports": {"api": 9091}}}), PORTS);
    case("the other default of the other port", json!({"signer": {"ports": {"management": 9090}}}), PORTS);
    case("the node's port", json!({"signer": {"ports": {"api": 8080}}}), NODE_PORTS);
    case("the node's gossip port", json!({"signer": {"ports": {"management": 8082}}}), NODE_PORTS);
    case("port 0", json!({"signer": {"ports": {"api": 0}}}), "spec.signer.ports.api in body should be greater than or equal to 1");
    case("port 65536", json!({"signer": {"ports": {"management": 65536}}}), "spec.signer.ports.management in body should be less than or equal to 65535");
    case("a resource that is none of ours", resources("nvidia.com/gpu", &json!(1)), "spec.signer.resources.limits: Invalid value: …resources are cpu, memory and ephemeral-storage");
    case("a quantity that is none", resources("memory", &json!("128 megabytes")), &format!("spec.signer.resources.limits: Invalid value: …{QUANTITY}"));
    case("a negative quantity", resources("cpu", &json!("-1")), &format!("spec.signer.resources.limits: Invalid value: …{QUANTITY}"));
    case("a negative number", resources("cpu", &json!(-1)), &format!("spec.signer.resources.limits: Invalid value: …{QUANTITY}"));
    let env = |env: serde_json::Value| json!({"signer": {"env": env}});
    case("a variable of ours", env(json!([{"name": "ATTO_SIGNER_KEY", "value": "x"}])), "spec.signer.env[0].name: Invalid value: …must not begin with ATTO_SIGNER_: the operator sets these variables from the other fields of the binding");
    case("a variable that looks like ours", env(json!([{"name": "ATTO_SIGNER_", "value": "x"}])), "must not begin with ATTO_SIGNER_");
    case("a variable twice", env(json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])), "spec.signer.env[1]: Duplicate value: …\"A\"");
    case("33 variables", env((0..33).map(|index| json!({"name": format!("A{index}")})).collect()), "spec.signer.env: Too many: 33: must have at most 32 items");
    case("a variable without a name", env(json!([{"value": "1"}])), "spec.signer.env[0].name: Required value");
    case("a variable with an equals sign", env(json!([{"name": "A=B"}])), "spec.signer.env[0].name: Invalid value: …must be the name of a variable: letters, digits, '_', '-' and '.', not beginning with a digit");
    case("a variable that begins with a digit", env(json!([{"name": "1A"}])), "must be the name of a variable");
    case("a value and a source", env(json!([{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}])), "spec.signer.env[0]: Invalid value: …set at most one of value and valueFrom");
    case("no source", env(json!([{"name": "A", "valueFrom": {}}])), "spec.signer.env[0].valueFrom: Invalid value: …set exactly one of secretKeyRef and fieldRef");
    case("two sources", env(json!([{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}, "secretKeyRef": {"name": "a", "key": "b"}}}])), "set exactly one of secretKeyRef and fieldRef");
    case("a source that the operator cannot see", env(json!([{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}}])), "unknown field \"spec.signer.env[0].valueFrom.configMapKeyRef\"");
    case("a field that a variable cannot have", env(json!([{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.containers"}}}])), "spec.signer.env[0].valueFrom.fieldRef.fieldPath: Invalid value: …must be a field that a variable can have");
    case("the token in another variable", env(json!([{"name": "HTTPS_PROXY", "value": "http://x/$(ATTO_SIGNER_TOKEN)"}])), "spec.signer.env[0].value: Invalid value: …must not refer to a variable of the signer");
    case("a value of 2049 characters", env(json!([{"name": "A", "value": "v".repeat(2049)}])), "spec.signer.env[0].value: Too long: may not be …2048");
    case("root", json!({"signer": {"securityContext": {"runAsUser": 0}}}), "spec.signer.securityContext.runAsUser: Invalid value: …runAsUser must not be less than 1: the signer does not run as root; leave it out if the platform chooses it");
    case("the group of root", json!({"signer": {"securityContext": {"runAsGroup": 0}}}), "runAsGroup must not be less than 1");
    case("a user that is too large", json!({"signer": {"securityContext": {"runAsUser": 2_147_483_648_i64}}}), "spec.signer.securityContext.runAsUser in body should be less than or equal to 2147483647");
    case("privileges", json!({"signer": {"securityContext": {"privileged": true}}}), "unknown field \"spec.signer.securityContext.privileged\"");
    case("a log level that is none", json!({"signer": {"logLevel": "loud"}}), "spec.signer.logLevel: Unsupported value: \"loud\": supported values: \"error\", \"warn\", \"info\", \"debug\", \"trace\"");

    case("a rollout that is none", json!({"rollout": "manual"}), "spec.rollout: Unsupported value: \"manual\": supported values: \"Automatic\", \"Manual\"");
    case("a deletion policy that is none", json!({"deletionPolicy": "Delete"}), "spec.deletionPolicy: Unsupported value: \"Delete\": supported values: \"Retain\", \"Remove\"");
    case("suspend as text", json!({"suspend": "yes"}), "spec.suspend: Invalid value: \"string\"");
    case("a field that is misspelt", json!({"deletionpolicy": "Remove"}), "unknown field \"spec.deletionpolicy\"");
    cases
}
