//! A Deployment as the API server has it, read as untyped JSON: fields that are newer than the operator's types must survive, and
//! writing back a typed object would drop them.

use std::collections::BTreeMap;

use crds::names::{
    DEPLOYMENT_LABEL, FIELD_MANAGER, HASH_ANNOTATION, HELD_ANNOTATION, KEY_VARIABLE, NODE_VARIABLES, SIGNER_CONTAINER,
    TOKEN_VARIABLE,
};
use serde_json::Value;

use super::field_path::FieldPath;
use super::fields::extract;
use super::strategy;

/// A Deployment as the API server has it.
#[derive(Clone, Debug)]
pub struct LiveDeployment(Value);

/// An entry of `metadata.managedFields`.
#[derive(Clone, Copy, Debug)]
pub struct ManagedFields<'a> {
    pub manager: &'a str,
    pub operation: &'a str,
    /// Time of the last write (RFC 3339). Empty if it is not recorded.
    pub time: &'a str,
    subresource: &'a str,
    fields: &'a Value,
}

/// The list in a pod spec that contains a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerList {
    Containers,
    InitContainers,
}

impl ContainerList {
    /// The name of the list in a pod spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Containers => "containers",
            Self::InitContainers => "initContainers",
        }
    }
}

impl LiveDeployment {
    /// Wraps the object unchanged.
    pub fn new(object: Value) -> Self {
        Self(object)
    }

    pub fn raw(&self) -> &Value {
        &self.0
    }

    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, pointer: &str) -> Option<i64> {
        self.0.pointer(pointer).and_then(Value::as_i64)
    }

    fn list(&self, pointer: &str) -> &[Value] {
        self.0
            .pointer(pointer)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    pub fn labels(&self) -> BTreeMap<String, String> {
        self.pairs("/metadata/labels")
    }

    /// The part of its selector that a Service can use too.
    pub fn match_labels(&self) -> BTreeMap<String, String> {
        self.pairs("/spec/selector/matchLabels")
    }

    fn pairs(&self, pointer: &str) -> BTreeMap<String, String> {
        let found = self.0.pointer(pointer).and_then(Value::as_object);
        let pairs = found.into_iter().flatten();
        pairs
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    pub fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }

    pub fn resource_version(&self) -> &str {
        self.text("/metadata/resourceVersion")
    }

    pub fn generation(&self) -> i64 {
        self.number("/metadata/generation").unwrap_or_default()
    }

    pub fn is_terminating(&self) -> bool {
        !self.text("/metadata/deletionTimestamp").is_empty()
    }

    pub fn is_paused(&self) -> bool {
        self.0.pointer("/spec/paused").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The binding for whose signer it was paused at its creation.
    pub fn held_for(&self) -> Option<&str> {
        self.0
            .pointer("/metadata/annotations")
            .and_then(|annotations| annotations.get(HELD_ANNOTATION))
            .and_then(Value::as_str)
    }

    /// Whether it still waits for a signer. A person may have resumed it and left the annotation.
    pub fn is_held(&self) -> bool {
        self.is_paused() && self.held_for().is_some()
    }

    /// Pods wanted. The API server sets 1 if the field is missing.
    pub fn replicas(&self) -> i64 {
        self.number("/spec/replicas").unwrap_or(1)
    }

    /// Whether a change of the pod template starts pods.
    pub fn starts_pods(&self) -> bool {
        !self.is_paused() && self.replicas() != 0
    }

    /// Whether it has pods, of any template.
    pub fn has_pods(&self) -> bool {
        self.count("replicas") > 0
    }

    /// Whether a rollout ends a pod before it creates the replacement.
    pub fn frees_first(&self) -> bool {
        strategy::frees_first(&self.0["spec"]["strategy"], self.replicas())
    }

    /// A counter of `status`. Zero if the field is missing.
    pub fn count(&self, field: &str) -> i64 {
        self.number(&format!("/status/{field}")).unwrap_or_default()
    }

    /// Whether the Deployment controller has observed the present spec.
    pub fn is_observed(&self) -> bool {
        self.count("observedGeneration") >= self.generation()
    }

    /// The reason and message of a Deployment's condition of this type and status.
    pub fn condition(&self, type_: &str, status: &str) -> Option<(&str, &str)> {
        let found = self
            .list("/status/conditions")
            .iter()
            .find(|condition| condition["type"] == type_ && condition["status"] == status)?;
        Some((
            found["reason"].as_str().unwrap_or_default(),
            found["message"].as_str().unwrap_or_default(),
        ))
    }

    /// The ServiceAccount of the pods.
    pub fn service_account(&self) -> &str {
        match self.text("/spec/template/spec/serviceAccountName") {
            "" => "default",
            name => name,
        }
    }

    pub fn containers(&self, list: ContainerList) -> &[Value] {
        self.list(&format!("/spec/template/spec/{}", list.as_str()))
    }

    pub fn container(&self, list: ContainerList, name: &str) -> Option<&Value> {
        self.containers(list).iter().find(|container| container["name"] == name)
    }

    /// The volumes of the pods.
    pub fn volumes(&self) -> &[Value] {
        self.list("/spec/template/spec/volumes")
    }

    pub fn volume(&self, name: &str) -> Option<&Value> {
        self.volumes().iter().find(|volume| volume["name"] == name)
    }

    /// The injected sidecar, or any other container with its name.
    pub fn signer(&self) -> Option<&Value> {
        self.container(ContainerList::InitContainers, SIGNER_CONTAINER)
    }

    /// Whether a container has all three variables, with any value.
    pub fn has_node_variables(&self, container: &str) -> bool {
        let env = self
            .container(ContainerList::Containers, container)
            .and_then(|container| container["env"].as_array())
            .map_or(&[][..], Vec::as_slice);
        NODE_VARIABLES
            .iter()
            .all(|name| env.iter().any(|entry| entry["name"] == *name))
    }

    /// The hash of the last rendering in the template.
    pub fn injected_hash(&self) -> Option<&str> {
        self.0
            .pointer("/spec/template/metadata/annotations")
            .and_then(|annotations| annotations.get(HASH_ANNOTATION))
            .and_then(Value::as_str)
    }

    /// Who manages which fields.
    pub fn managed_fields(&self) -> impl Iterator<Item = ManagedFields<'_>> {
        self.list("/metadata/managedFields").iter().map(|entry| ManagedFields {
            manager: entry["manager"].as_str().unwrap_or_default(),
            operation: entry["operation"].as_str().unwrap_or_default(),
            time: entry["time"].as_str().unwrap_or_default(),
            subresource: entry["subresource"].as_str().unwrap_or_default(),
            fields: &entry["fieldsV1"],
        })
    }

    /// The entry of the operator's server-side apply.
    pub fn ours(&self) -> Option<ManagedFields<'_>> {
        self.managed_fields()
            .find(|entry| entry.manager == FIELD_MANAGER && entry.operation == "Apply")
    }

    /// The fields of the operator's server-side apply, with their live values.
    pub fn applied(&self) -> Value {
        self.ours().map_or(Value::Null, |ours| extract(&self.0, ours.fields))
    }

    /// Whether a manifest contains this variable: one that was applied by the server or by kubectl, created, or replaced. An
    /// update that also owns other fields of the operator is not a manifest: a rollback or the restore of a backup has restored
    /// the operator's fields.
    pub fn is_carried_by_a_manifest(&self, container: &str, variable: &str) -> bool {
        let in_managed_fields = self.managed_fields().any(|entry| {
            entry.manager != FIELD_MANAGER
                && entry.owns_variable_value(container, variable)
                && (entry.operation == "Apply" || !entry.owns_something_injected())
        });
        in_managed_fields || self.last_applied_variables(container).any(|name| name == variable)
    }

    /// The manifest that `kubectl apply` stores in the annotation.
    pub fn last_applied(&self) -> Option<Self> {
        self.0
            .pointer("/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration")
            .and_then(Value::as_str)
            .and_then(|text| serde_json::from_str(text).ok())
            .map(Self)
    }

    /// The names of a container's variables in that manifest.
    fn last_applied_variables(&self, container: &str) -> impl Iterator<Item = String> {
        let manifest = self.last_applied();
        let found = manifest.and_then(|manifest| manifest.container(ContainerList::Containers, container).cloned());
        let env = found
            .and_then(|found| found["env"].as_array().cloned())
            .unwrap_or_default();
        env.into_iter()
            .filter_map(|entry| entry["name"].as_str().map(str::to_owned))
    }

    /// Whether there is a signer that behaves as the operator's but has no recorded manager: a mutating webhook or
    /// policy has restored it, and the API server does not record its writes.
    pub fn is_signer_of_nobody(&self) -> bool {
        let is_ours = |signer: &Value| {
            let mut env = signer["env"].as_array().into_iter().flatten();
            env.any(|entry| entry["name"] == KEY_VARIABLE)
        };
        self.signer().is_some_and(is_ours) && !self.managed_fields().any(|entry| entry.owns_signer())
    }

    /// Whether the sidecar in the template is recorded as the operator's.
    pub fn owns_signer(&self) -> bool {
        self.ours().is_some_and(|ours| ours.owns_signer())
    }
}

/// The name and key of the Secret of a signer container's token.
pub fn token_secret(container: &Value) -> Option<(&str, &str)> {
    let mut env = container["env"].as_array().into_iter().flatten();
    let reference = &env.find(|entry| entry["name"] == TOKEN_VARIABLE)?["valueFrom"]["secretKeyRef"];
    Some((reference["name"].as_str()?, reference["key"].as_str()?))
}

impl ManagedFields<'_> {
    fn pod(&self) -> &Value {
        &self.fields["f:spec"]["f:template"]["f:spec"]
    }

    /// Whether the entry is about the status, which controllers write.
    pub fn is_of_status(&self) -> bool {
        self.subresource == "status"
    }

    /// The owned fields with their live values.
    pub fn held(&self, live: &LiveDeployment) -> Value {
        extract(&live.0, self.fields)
    }

    /// Whether the entry owns the sidecar as a list item.
    pub fn owns_signer(&self) -> bool {
        self.pod()["f:initContainers"][format!("k:{{\"name\":\"{SIGNER_CONTAINER}\"}}")].is_object()
    }

    /// Whether the entry owns the image of the sidecar.
    pub fn owns_signer_image(&self) -> bool {
        !self.pod()["f:initContainers"][format!("k:{{\"name\":\"{SIGNER_CONTAINER}\"}}")]["f:image"].is_null()
    }

    /// Whether the entry owns a field of the sidecar, given as its path in `fieldsV1` below the container.
    pub fn owns_of_signer(&self, path: &[String]) -> bool {
        let signer = &self.pod()["f:initContainers"][format!("k:{{\"name\":\"{SIGNER_CONTAINER}\"}}")];
        !path.iter().fold(signer, |fields, part| &fields[part]).is_null()
    }

    /// Whether the entry owns a volume of the pods as a list item.
    pub fn owns_volume(&self, name: &str) -> bool {
        self.pod()["f:volumes"][format!("k:{{\"name\":\"{name}\"}}")].is_object()
    }

    /// Whether the entry owns the volume with its name, as a manager that wrote all of it does.
    pub fn owns_volume_whole(&self, name: &str) -> bool {
        !self.pod()["f:volumes"][format!("k:{{\"name\":\"{name}\"}}")]["f:name"].is_null()
    }

    /// Whether the entry owns a field of a container, given as its path in `fieldsV1` below the container.
    pub fn owns_of_container(&self, list: ContainerList, name: &str, path: &[String]) -> bool {
        let container = &self.pod()[format!("f:{}", list.as_str())][format!("k:{{\"name\":\"{name}\"}}")];
        !path.iter().fold(container, |fields, part| &fields[part]).is_null()
    }

    /// Whether the entry owns a label or an annotation of the pod template.
    pub fn owns_template_key(&self, map: &str, key: &str) -> bool {
        !self.fields["f:spec"]["f:template"]["f:metadata"][format!("f:{map}")][format!("f:{key}")].is_null()
    }

    /// Whether the entry owns this field.
    pub fn owns(&self, path: &FieldPath) -> bool {
        !path.of_fields(self.fields).is_null()
    }

    /// Whether the entry records a rollback, or the restore of an exported live object: such an update owns fields that no
    /// manifest has without the operator.
    pub fn is_of_a_rollback(&self) -> bool {
        self.operation == "Update" && self.owns_something_injected()
    }

    /// Whether the entry owns a field that no manifest has without the operator: the sidecar, the operator's label, the
    /// operator's annotation.
    pub fn owns_something_injected(&self) -> bool {
        self.owns_signer()
            || self.owns_template_key("labels", DEPLOYMENT_LABEL)
            || self.owns_template_key("annotations", HASH_ANNOTATION)
    }

    /// The containers in which the entry owns the value of one of the three variables.
    pub fn containers_with_variables(&self) -> Vec<String> {
        let containers = self.pod()["f:containers"].as_object();
        let names = containers.into_iter().flatten().filter_map(|(item, _)| {
            let keys: Value = serde_json::from_str(item.strip_prefix("k:")?).ok()?;
            keys["name"].as_str().map(str::to_owned)
        });
        names
            .filter(|name| {
                NODE_VARIABLES
                    .iter()
                    .any(|variable| self.owns_variable_value(name, variable))
            })
            .collect()
    }

    /// Whether the entry owns the value of a container's variable, and not only the existence of a source: a manager that changes
    /// the Secret of a variable leaves the latter to the manager that wrote it first.
    pub fn decides_variable(&self, container: &str, variable: &str) -> bool {
        let item = &self.pod()["f:containers"][format!("k:{{\"name\":\"{container}\"}}")]["f:env"]
            [format!("k:{{\"name\":\"{variable}\"}}")];
        let mut source = item["f:valueFrom"].as_object().into_iter().flatten();
        !item["f:value"].is_null() || source.any(|(field, _)| field != ".")
    }

    /// Whether the entry owns the value of a variable of a container.
    pub fn owns_variable_value(&self, container: &str, variable: &str) -> bool {
        let item = &self.pod()["f:containers"][format!("k:{{\"name\":\"{container}\"}}")]["f:env"]
            [format!("k:{{\"name\":\"{variable}\"}}")];
        ["f:value", "f:valueFrom"].iter().any(|field| !item[field].is_null())
    }
}
