//! Collects the contents of the archive.

use std::collections::BTreeSet;

use crds::names::{DEPLOYMENT_LABEL, GROUP};
use futures::future::join;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, LogParams, TypeMeta};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::redact::redacted;
use crate::cluster::deadline;
use crate::commands::plugin::bindings::Found;
use crate::commands::preflight;
use crate::commands::preflight::finding::lines;
use crate::yaml;

const OPERATOR: &str = "app.kubernetes.io/name=signer-operator";
/// Maximum lines of a log.
const LINES: i64 = 5_000;
/// Maximum bytes of a log.
const BYTES: i64 = 2 * 1024 * 1024;

/// Files by path, and the objects and logs that could not be read.
#[derive(Default)]
pub struct Collected {
    pub files: Vec<(String, String)>,
    pub not_read: Vec<String>,
}

impl Collected {
    fn take(&mut self, path: String, text: Result<String, String>) {
        match text {
            Ok(text) => self.files.push((path, text)),
            Err(error) => self.not_read.push(format!("{path}: {error}")),
        }
    }

    fn objects(&mut self, path: String, found: Result<Vec<Value>, String>) {
        let text = found.and_then(|items| yaml::print(&json!({"apiVersion": "v1", "kind": "List", "items": items})));
        self.take(path, text);
    }
}

/// Everything about these bindings. Objects of the operator itself are collected from all namespaces.
pub async fn all(client: &Client, found: &[Found]) -> Collected {
    let mut collected = Collected::default();
    versions(client, &mut collected).await;
    cluster(client, &mut collected).await;
    operator(client, &mut collected).await;
    let namespaces: BTreeSet<_> = found.iter().filter_map(ResourceExt::namespace).collect();
    for namespace in namespaces {
        of_namespace(client, &namespace, found, &mut collected).await;
    }
    collected
}

async fn versions(client: &Client, collected: &mut Collected) {
    let server = deadline("ask for the version", client.apiserver_version()).await;
    let text = server.map_err(|error| error.to_string()).and_then(|server| {
        yaml::print(&json!({"plugin": env!("CARGO_PKG_VERSION"), "kubernetes": server.git_version, "platform": server.platform}))
    });
    collected.take("versions.yaml".to_owned(), text);
    let findings = preflight::examine_from_outside(client).await;
    collected.take("check.txt".to_owned(), Ok(lines(&findings)));
}

async fn cluster(client: &Client, collected: &mut Collected) {
    let is_ours =
        |object: &DynamicObject| object.name_any().contains("signer-operator") || object.name_any().ends_with(GROUP);
    for (file, group, version, kind) in [
        (
            "customresourcedefinitions",
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
        ),
        (
            "policies",
            "admissionregistration.k8s.io",
            "v1",
            "ValidatingAdmissionPolicy",
        ),
        (
            "policy-bindings",
            "admissionregistration.k8s.io",
            "v1",
            "ValidatingAdmissionPolicyBinding",
        ),
        ("leases", "coordination.k8s.io", "v1", "Lease"),
    ] {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let api = Api::all_with(client.clone(), &resource);
        let found = listed(&api, &ListParams::default(), is_ours).await;
        collected.objects(format!("cluster/{file}.yaml"), found);
    }
}

async fn operator(client: &Client, collected: &mut Collected) {
    let api = Api::<DynamicObject>::all_with(client.clone(), &pods());
    let found = listed(&api, &ListParams::default().labels(OPERATOR), |_| true).await;
    let named: Vec<_> = found.iter().flatten().filter_map(name).collect();
    collected.objects("operator/pods.yaml".to_owned(), found);
    for (namespace, pod) in named {
        logs(client, &namespace, &pod, "operator", "operator", collected).await;
    }
}

async fn of_namespace(client: &Client, namespace: &str, found: &[Found], collected: &mut Collected) {
    let here: Vec<_> = found
        .iter()
        .filter(|found| found.namespace().as_deref() == Some(namespace))
        .collect();
    let bindings = here.iter().map(|found| match &found.0 {
        Ok(binding) => serde_json::to_value(binding).map_err(|error| error.to_string()),
        Err(error) => Ok(json!({"metadata": error.metadata, "cannotBeRead": error.error})),
    });
    let bindings: Result<Vec<_>, String> = bindings.map(|each| each.map(redacted)).collect();
    collected.objects(format!("{namespace}/signerbindings.yaml"), bindings);

    let deployments = ApiResource::erase::<k8s_openapi::api::apps::v1::Deployment>(&());
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &deployments);
    let concerned = |object: &DynamicObject| has_signer(object) || here.iter().any(|found| selects(found, object));
    let found = listed(&api, &ListParams::default(), concerned).await;
    let names: BTreeSet<_> = found.iter().flatten().filter_map(name).map(|(_, name)| name).collect();
    collected.objects(format!("{namespace}/deployments.yaml"), found);

    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &pods());
    let found = listed(&api, &ListParams::default().labels(DEPLOYMENT_LABEL), |_| true).await;
    let with_logs: Vec<_> = found.iter().flatten().filter_map(name).collect();
    collected.objects(format!("{namespace}/pods.yaml"), found);
    for (_, pod) in with_logs {
        logs(client, namespace, &pod, "signer", namespace, collected).await;
    }

    let events = ApiResource::erase::<k8s_openapi::api::core::v1::Event>(&());
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &events);
    let bindings: BTreeSet<_> = here.iter().map(|found| found.name_any()).collect();
    let concerns = |event: &DynamicObject| {
        let object = &event.data["involvedObject"];
        let name = object["name"].as_str().unwrap_or_default();
        match object["kind"].as_str() {
            Some("SignerBinding") => bindings.contains(name),
            _ => names.iter().any(|deployment| name.starts_with(deployment.as_str())),
        }
    };
    let found = listed(&api, &ListParams::default(), concerns).await;
    collected.objects(format!("{namespace}/events.yaml"), found);
}

fn pods() -> ApiResource {
    ApiResource::erase::<Pod>(&())
}

fn has_signer(object: &DynamicObject) -> bool {
    let containers = object.data.pointer("/spec/template/spec/initContainers");
    let mut containers = containers.and_then(Value::as_array).into_iter().flatten();
    containers.any(|container| container["name"] == crds::names::SIGNER_CONTAINER)
}

fn selects(found: &Found, object: &DynamicObject) -> bool {
    let binding = found.0.as_ref();
    binding.is_ok_and(|binding| binding.spec.target.selects(&object.name_any(), object.labels()))
}

fn name(object: &Value) -> Option<(String, String)> {
    let text = |field: &str| object["metadata"][field].as_str().map(ToOwned::to_owned);
    Some((text("namespace")?, text("name")?))
}

async fn listed(
    api: &Api<DynamicObject>,
    parameters: &ListParams,
    is_wanted: impl Fn(&DynamicObject) -> bool,
) -> Result<Vec<Value>, String> {
    let found = deadline("list objects", api.list(parameters)).await;
    let found = found.map_err(|error| error.to_string())?;
    let kind = found.types.kind.strip_suffix("List").unwrap_or_default().to_owned();
    let types = TypeMeta {
        kind,
        ..found.types.clone()
    };
    // A list names the kind of its items only once.
    let wanted = found.items.into_iter().filter(is_wanted).map(|mut object| {
        object.types.get_or_insert_with(|| types.clone());
        serde_json::to_value(object)
            .map(redacted)
            .map_err(|error| error.to_string())
    });
    wanted.collect()
}

/// The container's log, and that of its previous instance if there is one.
async fn logs(client: &Client, namespace: &str, pod: &str, container: &str, folder: &str, collected: &mut Collected) {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let of = |previous| LogParams {
        container: Some(container.to_owned()),
        previous,
        timestamps: true,
        tail_lines: Some(LINES),
        limit_bytes: Some(BYTES),
        ..LogParams::default()
    };
    let (now, before) = (of(false), of(true));
    let (now, before) = join(
        deadline("read a log", api.logs(pod, &now)),
        deadline("read a log", api.logs(pod, &before)),
    )
    .await;
    let path = |what: &str| format!("{folder}/logs/{pod}.{container}{what}.log");
    collected.take(path(""), now.map_err(|error| error.to_string()));
    // Most containers have no previous instance.
    if let Ok(text) = before {
        collected.take(path(".previous"), Ok(text));
    }
}
