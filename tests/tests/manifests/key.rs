//! The keys into which the operator writes.

use serde_json::{Value, json};
use tests::operated::{VOTER, voter};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Env,
    InitContainers,
    Volumes,
    Annotations,
    Labels,
}

/// The content of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Absent,
    Null,
    Empty,
    /// The user's own fields.
    Filled,
}

impl Key {
    pub const ALL: [Self; 5] = [
        Self::Env,
        Self::InitContainers,
        Self::Volumes,
        Self::Annotations,
        Self::Labels,
    ];

    fn pointer(self) -> &'static str {
        match self {
            Self::Env => "/spec/template/spec/containers/0/env",
            Self::InitContainers => "/spec/template/spec/initContainers",
            Self::Volumes => "/spec/template/spec/volumes",
            Self::Annotations => "/spec/template/metadata/annotations",
            Self::Labels => "/spec/template/metadata/labels",
        }
    }

    fn value(self, form: Form) -> Option<Value> {
        let is_map = matches!(self, Self::Annotations | Self::Labels);
        match form {
            Form::Absent => None,
            Form::Null => Some(Value::Null),
            Form::Empty => Some(if is_map { json!({}) } else { json!([]) }),
            Form::Filled => Some(match self {
                Self::Env => json!([{"name": "LOG", "value": "debug"}]),
                Self::InitContainers => json!([{"name": "migrate", "image": "registry.example/migrate:1"}]),
                Self::Volumes => json!([{"name": "scratch", "emptyDir": {}}]),
                Self::Annotations | Self::Labels => json!({"team": "a"}),
            }),
        }
    }

    /// Whether a Deployment has the user's own fields there.
    pub fn is_filled(self, deployment: &Value) -> bool {
        let text = deployment.pointer(self.pointer()).unwrap_or(&Value::Null).to_string();
        ["LOG", "migrate", "scratch", "team"]
            .iter()
            .any(|word| text.contains(word))
    }
}

/// A voter's manifest with only this key.
pub fn manifest(key: Option<Key>, form: Form) -> Value {
    let mut manifest = voter();
    if let Some(node) = manifest["spec"]["template"]["spec"]["containers"][0].as_object_mut() {
        node.remove("env");
    }
    manifest["spec"]["strategy"] = json!({"type": "Recreate"});
    let Some(key) = key else { return manifest };
    if key == Key::Labels {
        // A selector that needs no label.
        let expressions = json!([{"key": format!("not-{VOTER}"), "operator": "DoesNotExist"}]);
        manifest["spec"]["selector"] = json!({"matchExpressions": expressions});
        if let Some(metadata) = manifest["spec"]["template"]["metadata"].as_object_mut() {
            metadata.remove("labels");
        }
    }
    if let Some(value) = key.value(form) {
        let (parent, field) = key.pointer().rsplit_once('/').unwrap_or_default();
        if let Some(parent) = manifest.pointer_mut(parent) {
            parent[field] = value;
        }
    }
    manifest
}

/// The manifest with another image of the node, which is a harmless edit.
pub fn newer(mut manifest: Value) -> Value {
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/node:2");
    manifest
}
