//! Changes of a Deployment that the operator's ServiceAccount may make, and changes that it may not make.

use serde_json::{Value, json};
use tests::operated::VOTER;

use super::guarded::row::{container, in_signer, push_variable, variable};
use super::guarded::whole;
use super::steps::{BACKEND, TOKEN, URL};

const IMAGE: &str = "ghcr.io/attocash/signer-operator/signer";

pub type Case = (&'static str, fn(&mut Value), &'static str);

fn pod(live: &mut Value) -> &mut Value {
    &mut live["spec"]["template"]["spec"]
}

fn push(list: &mut Value, item: Value) {
    match list.as_array_mut() {
        Some(list) => list.push(item),
        None => *list = json!([item]),
    }
}

/// A volume, and the signer's mount of it.
fn mounted(live: &mut Value, volume: Value) {
    let mount = json!({"name": volume["name"], "mountPath": "/ours"});
    push(&mut pod(live)["volumes"], volume);
    push(&mut container(live, "initContainers", "signer")["volumeMounts"], mount);
}

pub const REFUSED: &[Case] = &[
    ("replicas", |live| live["spec"]["replicas"] = json!(2), "spec.replicas"),
    (
        "strategy",
        |live| live["spec"]["strategy"] = json!({"type": "RollingUpdate"}),
        "spec.strategy",
    ),
    ("pausing", |live| live["spec"]["paused"] = json!(true), "spec.paused"),
    (
        "a label",
        |live| live["metadata"]["labels"]["team"] = json!("b"),
        "metadata.labels",
    ),
    (
        "an annotation",
        |live| live["metadata"]["annotations"]["note"] = json!("1"),
        "annotation note",
    ),
    (
        "a finalizer",
        |live| live["metadata"]["finalizers"] = json!(["example.invalid/held"]),
        "metadata.finalizers",
    ),
    (
        "a label of the template",
        |live| live["spec"]["template"]["metadata"]["labels"]["team"] = json!("b"),
        "label team of the template",
    ),
    (
        "an annotation of the template",
        |live| live["spec"]["template"]["metadata"]["annotations"]["note"] = json!("1"),
        "annotation note of the template",
    ),
    (
        "the pods' account",
        |live| pod(live)["serviceAccountName"] = json!("admin"),
        "spec.template.spec.serviceAccountName",
    ),
    (
        "hostNetwork",
        |live| pod(live)["hostNetwork"] = json!(true),
        "spec.template.spec.hostNetwork",
    ),
    (
        "hostPID",
        |live| pod(live)["hostPID"] = json!(true),
        "spec.template.spec.hostPID",
    ),
    (
        "hostIPC",
        |live| pod(live)["hostIPC"] = json!(true),
        "spec.template.spec.hostIPC",
    ),
    (
        "hostAliases",
        |live| pod(live)["hostAliases"] = json!([{"ip": "10.0.0.1", "hostnames": ["localhost"]}]),
        "spec.template.spec.hostAliases",
    ),
    (
        "the node's image",
        |live| container(live, "containers", "node")["image"] = json!("registry.example/other:1"),
        "container node",
    ),
    (
        "the node's command",
        |live| container(live, "containers", "node")["command"] = json!(["sh"]),
        "container node",
    ),
    (
        "the node's args",
        |live| container(live, "containers", "node")["args"] = json!(["-x"]),
        "container node",
    ),
    (
        "the node's mounts",
        |live| container(live, "containers", "node")["volumeMounts"] = Value::Null,
        "container node",
    ),
    (
        "another variable of the node",
        |live| variable(live, "ATTO_PUBLIC_URI")["value"] = json!("wss://other.example"),
        "container node",
    ),
    (
        "a new variable of the node",
        |live| {
            push_variable(
                container(live, "containers", "node"),
                json!({"name": "A", "value": "b"}),
            );
        },
        "container node",
    ),
    (
        "the node's backend",
        |live| variable(live, BACKEND)["value"] = json!("LOCAL"),
        "container node",
    ),
    (
        "the node's URL",
        |live| variable(live, URL)["value"] = json!("http://elsewhere:9090"),
        "container node",
    ),
    (
        "the node's token",
        |live| *variable(live, TOKEN) = json!({"name": TOKEN, "value": "x"}),
        "container node",
    ),
    (
        "a further container",
        |live| {
            push(
                &mut pod(live)["containers"],
                json!({"name": "x", "image": "registry.example/x:1"}),
            );
        },
        "spec.template.spec.containers",
    ),
    (
        "another init container",
        |live| container(live, "initContainers", "migrate")["image"] = json!("registry.example/x:1"),
        "another init container",
    ),
    (
        "a further init container",
        |live| {
            push(
                &mut pod(live)["initContainers"],
                json!({"name": "x", "image": "registry.example/x:1"}),
            );
        },
        "another init container",
    ),
    (
        "the signer's image",
        |live| in_signer(live, "image", json!("registry.example/x:1")),
        "image is none of allowedSignerImages",
    ),
    (
        "an image whose name begins alike",
        |live| {
            in_signer(
                live,
                "image",
                json!("ghcr.io/attocash/signer-operator/signer-of-somebody:1"),
            );
        },
        "image is none of",
    ),
    (
        "the signer's command",
        |live| in_signer(live, "command", json!(["sh"])),
        "command of init container signer",
    ),
    (
        "the signer's args",
        |live| in_signer(live, "args", json!(["-x"])),
        "args of init container signer",
    ),
    (
        "the signer's envFrom",
        |live| in_signer(live, "envFrom", json!([{"secretRef": {"name": "x"}}])),
        "envFrom of init container signer",
    ),
    (
        "the signer's lifecycle",
        |live| in_signer(live, "lifecycle", json!({"postStart": {"exec": {"command": ["sh"]}}})),
        "lifecycle of init container signer",
    ),
    (
        "a privileged signer",
        |live| in_signer(live, "securityContext", json!({"privileged": true})),
        "securityContext of init container signer",
    ),
    (
        "capabilities of the signer",
        |live| in_signer(live, "securityContext", json!({"capabilities": {"add": ["SYS_ADMIN"]}})),
        "securityContext of init container signer",
    ),
    (
        "a port of the node's host",
        |live| in_signer(live, "ports", json!([{"containerPort": 9090, "hostPort": 9090}])),
        "hostPort of init container signer",
    ),
    (
        "a volume of the host",
        |live| mounted(live, json!({"name": "host", "hostPath": {"path": "/"}})),
        "new volume host",
    ),
    (
        "a volume that the signer does not mount",
        |live| push(&mut pod(live)["volumes"], json!({"name": "x", "emptyDir": {}})),
        "new volume x",
    ),
    (
        "the node's volume",
        |live| pod(live)["volumes"][0] = json!({"name": "data", "secret": {"secretName": "x"}}),
        "volume data",
    ),
];

pub const ALLOWED: &[Case] = &[
    ("nothing", |_| {}, ""),
    (
        "another allowed image",
        |live| in_signer(live, "image", json!(format!("{IMAGE}:2"))),
        "",
    ),
    (
        "an allowed image by its digest",
        |live| in_signer(live, "image", json!(format!("{IMAGE}@sha256:{}", "0".repeat(64)))),
        "",
    ),
    (
        "the signer's variables, ports and resources",
        |live| {
            in_signer(live, "env", json!([{"name": "ATTO_SIGNER_LOG", "value": "debug"}]));
            in_signer(live, "ports", json!([{"containerPort": 9191}]));
            in_signer(live, "resources", json!({"limits": {"memory": "256Mi"}}));
        },
        "",
    ),
    (
        "label and annotation of ours",
        |live| {
            let metadata = &mut live["spec"]["template"]["metadata"];
            metadata["labels"]["signer.atto.cash/deployment"] = json!("other");
            metadata["annotations"]["signer.atto.cash/hash"] = json!("0");
        },
        "",
    ),
    (
        "port and Secret of the node's variables",
        |live| {
            variable(live, URL)["value"] = json!("http://localhost:9191");
            variable(live, TOKEN)["valueFrom"]["secretKeyRef"]["name"] = json!("token-2");
        },
        "",
    ),
    (
        "a volume of the signer's own",
        |live| mounted(live, json!({"name": "ours", "secret": {"secretName": "x"}})),
        "",
    ),
    (
        "everything of ours taken out",
        |live| {
            let metadata = &mut live["spec"]["template"]["metadata"];
            metadata["annotations"] = Value::Null;
            metadata["labels"] = json!({"app": VOTER});
            let ours = whole::variables();
            if let Some(list) = pod(live)["initContainers"].as_array_mut() {
                list.retain(|each| each["name"] != "signer");
            }
            let env = container(live, "containers", "node")["env"].as_array_mut();
            if let Some(env) = env {
                env.retain(|each| ours.iter().all(|ours| ours["name"] != each["name"]));
            }
        },
        "",
    ),
];
