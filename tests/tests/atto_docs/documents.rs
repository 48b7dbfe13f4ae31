//! The signer of each document: its variables, its probes and how its node reaches it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_yaml::Value;
use tests::workspace;

use crate::probes::Probe;

/// The values that a person replaces in a document, and in the Secret that it names.
const SECRET_TOKEN: &str = "SIGNER_SHARED_TOKEN";

pub struct Document {
    pub name: &'static str,
    /// With the token and the other values that the reader must fill in.
    pub environment: BTreeMap<String, String>,
    /// The probe until the first success, if there is one.
    pub startup: Option<Probe>,
    pub liveness: Probe,
    /// `ATTO_SIGNER_REMOTE_URL` and `ATTO_SIGNER_REMOTE_TOKEN` of the node.
    pub node: (String, String),
}

pub fn all(token: &str, key_version: &str) -> [Document; 2] {
    [manifest(token), compose(token, key_version)]
}

fn read(file: &str) -> Value {
    let path = workspace::root().join("tests/atto-docs").join(file);
    serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn manifest(token: &str) -> Document {
    let manifest = read("voter-with-signer-sidecar.yaml");
    let containers = &manifest["spec"]["template"]["spec"]["containers"];
    let container = |name: &str| {
        let mut all = containers.as_sequence().unwrap().iter();
        all.find(|container| container["name"] == name).unwrap()
    };
    let environment = |name: &str| {
        let variables = container(name)["env"].as_sequence().unwrap().iter();
        let value = |variable: &Value| match variable["value"].as_str() {
            Some(value) => value.to_owned(),
            None if variable["valueFrom"]["secretKeyRef"]["key"] == SECRET_TOKEN => token.to_owned(),
            None => String::new(),
        };
        let pairs = variables.map(|variable| (text(&variable["name"]), value(variable)));
        pairs.collect::<BTreeMap<_, _>>()
    };
    let node = environment("node");
    Document {
        name: "the manifest",
        environment: environment("signer"),
        startup: Some(of_kubernetes(&container("signer")["startupProbe"])),
        liveness: of_kubernetes(&container("signer")["livenessProbe"]),
        node: (
            node["ATTO_SIGNER_REMOTE_URL"].clone(),
            node["ATTO_SIGNER_REMOTE_TOKEN"].clone(),
        ),
    }
}

fn compose(token: &str, key_version: &str) -> Document {
    let compose = read("docker-compose.yaml");
    let environment = |service: &str| {
        let variables = compose["services"][service]["environment"].as_mapping().unwrap();
        let value = |value: &Value| match value.as_str().unwrap() {
            "{your secure token}" => token.to_owned(),
            "{projects/.../cryptoKeyVersions/1}" => key_version.to_owned(),
            value => value.to_owned(),
        };
        let pairs = variables.iter().map(|(name, written)| (text(name), value(written)));
        pairs.collect::<BTreeMap<_, _>>()
    };
    let check = &compose["services"]["signer"]["healthcheck"];
    let test: Vec<_> = check["test"].as_sequence().unwrap().iter().map(text).collect();
    let [command, curl, fail, url] = &test[..] else {
        panic!("{test:?}")
    };
    assert_eq!([&command[..], curl, fail], ["CMD", "curl", "-f"]);
    let (port, path) = url.strip_prefix("http://localhost:").unwrap().split_once('/').unwrap();
    let node = environment("node");
    Document {
        name: "the compose file",
        environment: environment("signer"),
        startup: None,
        liveness: Probe {
            path: format!("/{path}"),
            port: port.parse().unwrap(),
            // Compose runs the first check after one interval.
            delay: duration(&check["interval"]),
            grace: duration(&check["start_period"]),
            period: duration(&check["interval"]),
            timeout: duration(&check["timeout"]),
            failures: u32::try_from(check["retries"].as_u64().unwrap()).unwrap(),
        },
        node: (
            node["ATTO_SIGNER_REMOTE_URL"].clone(),
            node["ATTO_SIGNER_REMOTE_TOKEN"].clone(),
        ),
    }
}

/// Missing fields have Kubernetes' defaults.
fn of_kubernetes(probe: &Value) -> Probe {
    let number = |field: &str, default: u64| probe[field].as_u64().unwrap_or(default);
    let seconds = |field: &str, default: u64| Duration::from_secs(number(field, default));
    Probe {
        path: text(&probe["httpGet"]["path"]),
        port: u16::try_from(probe["httpGet"]["port"].as_u64().unwrap()).unwrap(),
        delay: seconds("initialDelaySeconds", 0),
        grace: Duration::ZERO,
        period: seconds("periodSeconds", 10),
        timeout: seconds("timeoutSeconds", 1),
        failures: u32::try_from(number("failureThreshold", 3)).unwrap(),
    }
}

fn duration(value: &Value) -> Duration {
    let seconds = value.as_str().unwrap().strip_suffix('s').unwrap();
    Duration::from_secs(seconds.parse().unwrap())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
