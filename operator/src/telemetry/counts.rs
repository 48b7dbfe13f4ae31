//! What the watches show of bindings, their Deployments and their leftovers, sorted by the labels of the metrics.

use std::collections::{BTreeMap, HashSet};

use crds::conditions::{reasons, types};
use crds::names::HELD_ANNOTATION;
use crds::{SignerBinding, TargetStatus};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt;
use kube::api::PartialObjectMeta;

use crate::controller::pods;
use crate::model::stray::Stray;
use crate::telemetry::labels::known;

/// A Deployment by its namespace and name.
pub type Name<'a> = (Option<&'a str>, &'a str);

/// The owner of the pods, by kind, namespace and name.
pub fn owner(stray: &Stray) -> (&str, Name<'_>) {
    (
        stray.kind.as_str(),
        (Some(stray.namespace.as_str()), stray.name.as_str()),
    )
}

/// The Deployment by its namespace, the binding that it waits for, and its name. Anyone may create a Deployment with such an
/// annotation, so those without an existing binding are one series per namespace.
pub fn held_by(held: &PartialObjectMeta<Deployment>, bindings: &[&SignerBinding]) -> [String; 3] {
    let namespace = held.namespace();
    let name = held.annotations().get(HELD_ANNOTATION);
    let is_there = bindings
        .iter()
        .any(|binding| binding.namespace() == namespace && binding.metadata.name.as_ref() == name);
    let namespace = namespace.unwrap_or_default();
    match name.filter(|_| is_there) {
        Some(name) => [namespace, name.clone(), held.name_any()],
        None => [namespace, String::new(), String::new()],
    }
}

/// Orphans by namespace, binding and Deployment. The name of another owner's object must not be shown, so it is reported with the
/// binding whose key it has.
pub fn orphans_by(
    bindings: &[&SignerBinding],
    orphaned: &HashSet<Name>,
    strays: &[(String, Stray)],
) -> Vec<[String; 3]> {
    let injected = orphaned.iter().map(|(namespace, name)| {
        [
            namespace.unwrap_or_default().to_owned(),
            String::new(),
            (*name).to_owned(),
        ]
    });
    let strangers = strays.iter().filter_map(|(uid, stray)| {
        let (kind, name) = owner(stray);
        let is_injected = kind == "Deployment" && orphaned.contains(&name);
        let binding = bindings
            .iter()
            .find(|binding| binding.metadata.uid.as_ref() == Some(uid))?;
        (!is_injected).then(|| {
            [
                binding.namespace().unwrap_or_default(),
                binding.name_any(),
                String::new(),
            ]
        })
    });
    injected.chain(strangers).collect()
}

pub fn by_condition(bindings: &[&SignerBinding]) -> BTreeMap<[&'static str; 3], i64> {
    let mut counts = BTreeMap::new();
    let statuses = bindings.iter().filter_map(|binding| binding.status.as_ref());
    for condition in statuses.flat_map(|status| &status.conditions) {
        let labels = [
            known(&types::ALL, &condition.type_),
            known(&["True", "False", "Unknown"], &condition.status),
            known(reasons::ALL, &condition.reason),
        ];
        *counts.entry(labels).or_default() += 1;
    }
    counts
}

/// Number of Deployments by reason.
pub fn by_reason(
    bindings: &[&SignerBinding],
    counts: impl Fn(Option<&str>, &TargetStatus) -> bool,
) -> BTreeMap<&'static str, i64> {
    let mut found = BTreeMap::new();
    for binding in bindings {
        let namespace = binding.metadata.namespace.as_deref();
        let targets = binding.status.iter().flat_map(|status| &status.targets);
        for target in targets.filter(|target| counts(namespace, target)) {
            *found.entry(known(reasons::ALL, &target.reason)).or_default() += 1;
        }
    }
    found
}

/// The Deployment of a pod, by its label.
pub fn name(pod: &Pod) -> Name<'_> {
    (pod.metadata.namespace.as_deref(), pods::label(pod))
}

/// The Deployments of a binding.
pub fn served(binding: &SignerBinding) -> impl Iterator<Item = Name<'_>> {
    let reported = binding.status.iter().flat_map(|status| &status.targets);
    let kept = reported.filter(|target| target.reason != reasons::NO_LONGER_SELECTED);
    let names = binding.spec.target.name.iter().chain(kept.map(|target| &target.name));
    names.map(|name| (binding.metadata.namespace.as_deref(), name.as_str()))
}

/// The operator's Service exists as long as its Deployment, and is deleted when the signer is removed.
pub fn orphaned<'a>(service: &'a PartialObjectMeta<Service>, served: &HashSet<Name>) -> Option<Name<'a>> {
    let mut owners = service.owner_references().iter();
    let deployment = owners.find(|owner| owner.kind == "Deployment")?;
    let name = (service.metadata.namespace.as_deref(), deployment.name.as_str());
    (!served.contains(&name)).then_some(name)
}
