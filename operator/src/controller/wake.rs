//! Which bindings an event concerns. Pure: only what the watches have brought is looked at.

use std::collections::BTreeMap;

use crds::SignerBinding;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt};

use super::observe::shares_a_key;
use super::render::names::short_name;

type Guarded = DeserializeGuard<SignerBinding>;

/// The bindings that are for this Deployment, and those that were: without its label it is still theirs to report.
pub fn of_deployment(
    store: &Store<Guarded>,
    namespace: Option<&str>,
    name: &str,
    labels: &BTreeMap<String, String>,
) -> Vec<ObjectRef<Guarded>> {
    of_all(store, |binding| {
        binding.meta().namespace.as_deref() == namespace
            && (binding.spec.target.selects(name, labels) || reports(binding, name))
    })
}

/// The bindings of the Deployments that own a Service.
pub fn of_service(
    store: &Store<Guarded>,
    namespace: Option<&str>,
    owners: &[OwnerReference],
) -> Vec<ObjectRef<Guarded>> {
    let deployments = || owners.iter().filter(|owner| owner.kind == "Deployment");
    of_all(store, |binding| {
        binding.meta().namespace.as_deref() == namespace && deployments().any(|owner| is_about(binding, &owner.name))
    })
}

/// The bindings of the Deployment whose pods carry this label.
pub fn of_pod(store: &Store<Guarded>, namespace: Option<&str>, label: &str) -> Vec<ObjectRef<Guarded>> {
    of_all(store, |binding| {
        binding.meta().namespace.as_deref() == namespace && names(binding).any(|name| short_name(name) == label)
    })
}

/// The bindings whose pods act as ServiceAccounts of this namespace.
pub fn of_account(store: &Store<Guarded>, namespace: Option<&str>) -> Vec<ObjectRef<Guarded>> {
    of_all(store, |binding| {
        binding.meta().namespace.as_deref() == namespace && binding.spec.key.gcp.is_some()
    })
}

/// The other bindings of its Deployments, one of which may have its turn when this one goes, and those with its key,
/// which warn of each other.
pub fn of_binding(store: &Store<Guarded>, changed: &SignerBinding) -> Vec<ObjectRef<Guarded>> {
    of_all(store, |binding| {
        let is_neighbour = binding.meta().namespace == changed.meta().namespace;
        let is_itself = is_neighbour && binding.name_any() == changed.name_any();
        !is_itself && (shares_a_key(binding, changed) || (is_neighbour && shares_a_deployment(binding, changed)))
    })
}

fn of_all(store: &Store<Guarded>, concerns: impl Fn(&SignerBinding) -> bool) -> Vec<ObjectRef<Guarded>> {
    let concerned = store.state_filter(|guarded| guarded.0.as_ref().is_ok_and(&concerns));
    concerned
        .iter()
        .map(|guarded| ObjectRef::from_obj(&**guarded))
        .collect()
}

/// Whoever waits for a Deployment has it in its status, so labels need not be looked up.
fn shares_a_deployment(left: &SignerBinding, right: &SignerBinding) -> bool {
    names(left).any(|name| is_about(right, name))
}

fn is_about(binding: &SignerBinding, deployment: &str) -> bool {
    names(binding).any(|name| name == deployment)
}

fn names(binding: &SignerBinding) -> impl Iterator<Item = &str> {
    let reported = binding.status.iter().flat_map(|status| &status.targets);
    binding
        .spec
        .target
        .name
        .as_deref()
        .into_iter()
        .chain(reported.map(|target| target.name.as_str()))
}

fn reports(binding: &SignerBinding, deployment: &str) -> bool {
    let mut reported = binding.status.iter().flat_map(|status| &status.targets);
    reported.any(|target| target.name == deployment)
}
