//! JSON schemas of the chart's objects and of the SignerBinding, for kubeconform, extracted from the API server's own OpenAPI.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use http::Request;
use kube::Client;
use serde_json::{Map, Value, json};

use crate::workspace;

/// For kinds that are not part of Kubernetes.
pub const BY_HAND: [&str; 2] = ["prometheusrule-monitoring-v1.json", "servicemonitor-monitoring-v1.json"];

/// Kind, API group (empty for the core) and version.
const KINDS: &[(&str, &str, &str)] = &[
    ("ConfigMap", "", "v1"),
    ("Namespace", "", "v1"),
    ("Pod", "", "v1"),
    ("Secret", "", "v1"),
    ("Service", "", "v1"),
    ("ServiceAccount", "", "v1"),
    ("Deployment", "apps", "v1"),
    ("ValidatingAdmissionPolicy", "admissionregistration.k8s.io", "v1"),
    ("ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io", "v1"),
    ("MutatingAdmissionPolicy", "admissionregistration.k8s.io", "v1"),
    ("MutatingAdmissionPolicyBinding", "admissionregistration.k8s.io", "v1"),
    ("CustomResourceDefinition", "apiextensions.k8s.io", "v1"),
    ("NetworkPolicy", "networking.k8s.io", "v1"),
    ("PodDisruptionBudget", "policy", "v1"),
    ("ClusterRole", "rbac.authorization.k8s.io", "v1"),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io", "v1"),
    ("Role", "rbac.authorization.k8s.io", "v1"),
    ("RoleBinding", "rbac.authorization.k8s.io", "v1"),
];

const REFERENCE: &str = "#/components/schemas/";

/// Keywords that a structural check ignores.
const LEFT_OUT: [&str; 3] = ["description", "default", "nullable"];

/// Their folder.
pub fn folder() -> PathBuf {
    workspace::root().join("tests/kubeconform/schemas")
}

/// kubeconform's `--schema-location` for the schemas of a folder.
pub fn location(folder: &Path) -> String {
    format!("{}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json", folder.display())
}

/// File names and contents, for the kinds that the API server serves.
///
/// # Errors
/// If the API server's OpenAPI cannot be read.
pub async fn generate(client: &Client) -> Result<BTreeMap<String, String>> {
    let mut documents = BTreeMap::<String, Value>::new();
    let mut files = BTreeMap::new();
    for &(kind, group, version) in KINDS {
        let path = if group.is_empty() {
            format!("/openapi/v3/api/{version}")
        } else {
            format!("/openapi/v3/apis/{group}/{version}")
        };
        if !documents.contains_key(&path) {
            let document = client.request(Request::get(&path).body(Vec::new())?).await?;
            documents.insert(path.clone(), document);
        }
        let schemas = documents[&path]["components"]["schemas"].as_object();
        let schemas = schemas.with_context(|| format!("{path} has no schemas"))?;
        if let Some(schema) = cut(schemas, &json!({"group": group, "version": version, "kind": kind})) {
            files.insert(file(kind, group, version), text(&schema)?);
        }
    }
    let crd: Value = serde_yaml::from_str(crds::MANIFEST)?;
    for version in crd["spec"]["versions"].as_array().into_iter().flatten() {
        let mut schema = strict(&version["schema"]["openAPIV3Schema"]);
        // The API server adds these, so the manifest does not contain them.
        for (field, type_) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
            schema["properties"][field] = json!({"type": type_});
        }
        let version = version["name"].as_str().unwrap_or_default();
        files.insert(file("SignerBinding", "signer.atto.cash", version), text(&schema)?);
    }
    Ok(files)
}

/// In kubeconform's format, with only the first label of the group.
fn file(kind: &str, group: &str, version: &str) -> String {
    let group = group.split('.').next().unwrap_or_default();
    let dash = if group.is_empty() { "" } else { "-" };
    format!("{}-{group}{dash}{version}.json", kind.to_lowercase())
}

fn text(schema: &Value) -> Result<String> {
    Ok(format!("{}\n", serde_json::to_string(schema)?))
}

/// The schema of a kind with all schemas that it refers to.
fn cut(schemas: &Map<String, Value>, kind: &Value) -> Option<Value> {
    let is_of_kind = |schema: &&Value| {
        let kinds = schema["x-kubernetes-group-version-kind"].as_array();
        kinds.is_some_and(|kinds| kinds.contains(kind))
    };
    let mut schema = strict(schemas.values().find(is_of_kind)?);
    let mut definitions = Map::new();
    let mut wanted = references(&schema);
    while let Some(name) = wanted.pop() {
        if !definitions.contains_key(&name) {
            let definition = strict(schemas.get(&name)?);
            wanted.extend(references(&definition));
            definitions.insert(name, definition);
        }
    }
    schema["definitions"] = Value::Object(definitions);
    Some(schema)
}

/// Without non-structural keywords, and with no additional fields, so that a typing error is found.
fn strict(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut kept: Map<_, _> = fields
                .iter()
                // A field with that name would contain a schema, and not a text or a default.
                .filter(|(name, value)| {
                    let is_schema = value.is_object() && *name != "default";
                    is_schema || !(LEFT_OUT.contains(&name.as_str()) || name.starts_with("x-kubernetes-"))
                })
                .map(|(name, value)| (name.clone(), strict(value)))
                .collect();
            let is_open = fields.contains_key("additionalProperties")
                || fields.contains_key("x-kubernetes-preserve-unknown-fields");
            if kept.get("properties").is_some_and(is_a_list_of_schemas) && !is_open {
                kept.insert("additionalProperties".to_owned(), json!(false));
            }
            Value::Object(kept)
        }
        Value::Array(items) => items.iter().map(strict).collect(),
        Value::String(text) => json!(text.replace(REFERENCE, "#/definitions/")),
        other => other.clone(),
    }
}

/// A field itself may be called `properties`, as in a CustomResourceDefinition.
fn is_a_list_of_schemas(properties: &Value) -> bool {
    let fields = properties.as_object();
    fields.is_some_and(|fields| !fields.contains_key("type") || fields["type"].is_object())
}

fn references(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(fields) => fields.values().flat_map(references).collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::String(text) => text
            .strip_prefix("#/definitions/")
            .map(str::to_owned)
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}
