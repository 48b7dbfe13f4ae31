//! Variations inside the containers.

use serde_json::{Value, json};

use super::{Case, case};

macro_rules! node {
    ($field:literal) => {
        concat!("/spec/template/spec/containers/0/", $field)
    };
}

pub fn cases() -> Vec<Case> {
    let mut cases = variables();
    cases.push(Case {
        has_duplicates: true,
        ..case(
            "duplicate-variables",
            vec![(
                node!("env"),
                json!([
                    {"name": "A", "value": "1"},
                    {"name": "B", "value": "$(A)"},
                    {"name": "A", "value": "2"},
                    {"name": "A", "value": "1"},
                ]),
            )],
        )
    });
    cases.extend(settings());
    cases.extend(init_containers());
    cases
}

fn variables() -> Vec<Case> {
    vec![
        case("plain", vec![]),
        case("no-variables", vec![(node!("env"), Value::Null)]),
        case("many-variables", vec![(node!("env"), many_variables())]),
        case("documented-variables", vec![(node!("env"), documented_variables())]),
        case(
            "one-documented-variable",
            vec![(node!("env"), json!([documented_variables()[1]]))],
        ),
        case(
            "variables-from-sources",
            vec![(
                node!("env"),
                json!([
                    {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                    {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
                    {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "node", "key": "mode", "optional": true}}},
                    {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
                    {"name": "URI", "value": "ws://$(POD_IP):8082/$$(NOT)"},
                    {"name": "EMPTY", "value": ""},
                ]),
            )],
        ),
        case(
            "variables-from-maps",
            vec![(
                node!("envFrom"),
                json!([
                    {"prefix": "NODE_", "configMapRef": {"name": "node"}},
                    {"secretRef": {"name": "db", "optional": true}},
                ]),
            )],
        ),
    ]
}

fn settings() -> Vec<Case> {
    vec![
        case(
            "guaranteed",
            vec![
                (
                    node!("resources"),
                    json!({"limits": {"cpu": "1000m", "memory": "2048Mi"}}),
                ),
                (
                    "/spec/template/spec/containers/1/resources",
                    json!({"requests": {"cpu": 0.1, "memory": "1Gi"}, "limits": {"cpu": "100m", "memory": "1024Mi"}}),
                ),
            ],
        ),
        case(
            "probes",
            vec![
                (
                    node!("startupProbe"),
                    json!({"tcpSocket": {"port": 8082}, "failureThreshold": 90}),
                ),
                (
                    node!("readinessProbe"),
                    json!({"httpGet": {"path": "/ready", "port": "http", "scheme": "HTTPS", "httpHeaders": [{"name": "A", "value": "b"}]}}),
                ),
                (
                    node!("livenessProbe"),
                    json!({"grpc": {"port": 8083}, "terminationGracePeriodSeconds": 5}),
                ),
                (
                    "/spec/template/spec/containers/1/livenessProbe",
                    json!({"exec": {"command": ["true"]}}),
                ),
            ],
        ),
        case(
            "lifecycle",
            vec![(
                node!("lifecycle"),
                json!({"postStart": {"exec": {"command": ["sh", "-c", "true"]}}, "preStop": {"sleep": {"seconds": 10}}}),
            )],
        ),
        case(
            "ports-of-other-protocols",
            vec![(
                node!("ports"),
                json!([
                    {"name": "peers", "containerPort": 8082},
                    {"name": "peers-udp", "containerPort": 8082, "protocol": "UDP"},
                    {"containerPort": 9090, "protocol": "UDP"},
                    {"containerPort": 9091, "protocol": "SCTP"},
                ]),
            )],
        ),
        case(
            "command-and-terminal",
            vec![
                (node!("command"), json!(["/bin/node", "--"])),
                (node!("args"), json!(["--data=/data", "$(ATTO_PUBLIC_URI)"])),
                (node!("workingDir"), json!("/data")),
                (node!("stdin"), json!(true)),
                (node!("tty"), json!(true)),
                (node!("imagePullPolicy"), json!("Always")),
                (node!("terminationMessagePath"), json!("/tmp/message")),
            ],
        ),
        case(
            "resized-in-place",
            vec![(
                node!("resizePolicy"),
                json!([{"resourceName": "cpu", "restartPolicy": "NotRequired"}, {"resourceName": "memory", "restartPolicy": "RestartContainer"}]),
            )],
        ),
        case(
            "node-in-the-middle",
            vec![(
                "/spec/template/spec/containers",
                json!([
                    {"name": "proxy", "image": "registry.example/proxy:1", "env": [{"name": "ATTO_SIGNER_BACKEND", "value": "mine"}]},
                    {"name": "node", "image": "registry.example/node:1"},
                    {"name": "backup", "image": "registry.example/backup:1"},
                ]),
            )],
        ),
        case(
            "only-container-of-another-name",
            vec![(
                "/spec/template/spec/containers",
                json!([{"name": "atto", "image": "registry.example/node:1"}]),
            )],
        ),
        case(
            "image-by-digest",
            vec![(
                node!("image"),
                json!(format!("registry.example:5000/node@sha256:{}", "0".repeat(64))),
            )],
        ),
    ]
}

fn init_containers() -> Vec<Case> {
    const LIST: &str = "/spec/template/spec/initContainers";
    let first = json!({"name": "migrate", "image": "registry.example/migrate:1", "env": [{"name": "A", "value": "1"}]});
    let sidecar = json!({
        "name": "proxy",
        "image": "registry.example/proxy:1",
        "restartPolicy": "Always",
        "ports": [{"containerPort": 5432}],
        "startupProbe": {"tcpSocket": {"port": 5432}},
    });
    let last = json!({"name": "wait", "image": "registry.example/wait:1", "command": ["true"]});
    vec![
        case("init-containers", vec![(LIST, json!([first, last]))]),
        case("native-sidecar", vec![(LIST, json!([sidecar]))]),
        case("native-sidecar-in-between", vec![(LIST, json!([first, sidecar, last]))]),
    ]
}

fn many_variables() -> Value {
    (0..2000)
        .map(|number| json!({"name": format!("VARIABLE_{number}"), "value": number.to_string()}))
        .collect()
}

/// As Atto's documentation tells people to write them.
fn documented_variables() -> Value {
    json!([
        {"name": "ATTO_SIGNER_BACKEND", "value": "REMOTE"},
        {"name": "ATTO_SIGNER_REMOTE_URL", "value": "http://localhost:9090"},
        {"name": "ATTO_SIGNER_REMOTE_TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}},
    ])
}
