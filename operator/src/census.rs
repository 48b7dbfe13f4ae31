//! Bindings and what is left of them, counted from the watches when somebody asks.

use std::collections::{BTreeMap, HashSet};

use crds::SignerBinding;
use crds::conditions::{reasons, types};
use futures::FutureExt;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::PartialObjectMeta;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use prometheus::core::Collector;
use prometheus::{IntGauge, IntGaugeVec, Opts};

use crate::controller::context::Context;

/// The gauges.
pub struct Census {
    orphans: IntGauge,
    bindings: IntGaugeVec,
    deployments: IntGaugeVec,
}

/// What a status says that this operator did not write; label values are from finite sets.
const OTHER: &str = "Other";

impl Census {
    /// None counted yet.
    ///
    /// # Errors
    /// Fails if a name is not one of Prometheus, which is a defect of this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let bindings = Opts::new(
            "signer_operator_bindings",
            "SignerBindings by condition, its status and its reason.",
        );
        let deployments = Opts::new(
            "signer_operator_deployments",
            "Deployments of SignerBindings by why they are, or are not, ready.",
        );
        Ok(Self {
            orphans: IntGauge::new(
                "signer_operator_orphans",
                "Deployments that carry a signer and that no SignerBinding is for.",
            )?,
            bindings: IntGaugeVec::new(bindings, &["condition", "status", "reason"])?,
            deployments: IntGaugeVec::new(deployments, &["reason"])?,
        })
    }

    /// All of them, as they describe themselves.
    pub fn collectors(&self) -> [Box<dyn Collector>; 3] {
        [
            Box::new(self.orphans.clone()),
            Box::new(self.bindings.clone()),
            Box::new(self.deployments.clone()),
        ]
    }

    /// Counts.
    pub fn take(&self, context: &Context) {
        self.count(&context.bindings, &context.services);
    }

    fn count(&self, bindings: &Store<DeserializeGuard<SignerBinding>>, services: &Store<PartialObjectMeta<Service>>) {
        // Before the first list of bindings every Deployment looks like an orphan.
        if bindings
            .wait_until_ready()
            .now_or_never()
            .is_none_or(|ready| ready.is_err())
        {
            return;
        }
        let bindings = bindings.state();
        let bindings: Vec<&SignerBinding> = bindings.iter().filter_map(|guarded| guarded.0.as_ref().ok()).collect();
        let services = services.state();
        let served: HashSet<_> = bindings.iter().flat_map(|binding| served(binding)).collect();
        let orphans = services.iter().filter(|service| is_orphaned(service, &served)).count();
        self.orphans.set(i64::try_from(orphans).unwrap_or(i64::MAX));
        // What nobody has any more would stay as it was.
        self.bindings.reset();
        for (labels, count) in by_condition(&bindings) {
            self.bindings.with_label_values(&labels).set(count);
        }
        self.deployments.reset();
        for (reason, count) in by_reason(&bindings) {
            self.deployments.with_label_values(&[reason]).set(count);
        }
    }
}

fn by_condition(bindings: &[&SignerBinding]) -> BTreeMap<[&'static str; 3], i64> {
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

fn by_reason(bindings: &[&SignerBinding]) -> BTreeMap<&'static str, i64> {
    let mut counts = BTreeMap::new();
    let statuses = bindings.iter().filter_map(|binding| binding.status.as_ref());
    for target in statuses.flat_map(|status| &status.targets) {
        *counts.entry(known(reasons::ALL, &target.reason)).or_default() += 1;
    }
    counts
}

fn known(names: &[&'static str], name: &str) -> &'static str {
    names.iter().copied().find(|known| *known == name).unwrap_or(OTHER)
}

/// A Deployment by its namespace and name.
type Name<'a> = (Option<&'a str>, &'a str);

/// The Deployments that a binding is for.
fn served(binding: &SignerBinding) -> impl Iterator<Item = Name<'_>> {
    let reported = binding.status.iter().flat_map(|status| &status.targets);
    let kept = reported.filter(|target| target.reason != reasons::NO_LONGER_SELECTED);
    let names = binding.spec.target.name.iter().chain(kept.map(|target| &target.name));
    names.map(|name| (binding.metadata.namespace.as_deref(), name.as_str()))
}

/// A Service of ours lives as long as its Deployment, and is deleted when the signer is taken out.
fn is_orphaned(service: &PartialObjectMeta<Service>, served: &HashSet<Name>) -> bool {
    let deployment = service
        .owner_references()
        .iter()
        .find(|owner| owner.kind == "Deployment");
    deployment.is_some_and(|owner| !served.contains(&(service.metadata.namespace.as_deref(), owner.name.as_str())))
}

#[cfg(test)]
mod tests {
    use kube::runtime::{reflector, watcher::Event};
    use serde_json::json;

    use super::*;

    fn binding(conditions: &serde_json::Value, targets: &serde_json::Value) -> SignerBinding {
        serde_json::from_value(json!({
            "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding", "metadata": {"name": "voter"},
            "spec": {
                "target": {"name": "voter"}, "capabilities": ["VOTE"], "tokenSecretRef": {"name": "t", "key": "k"},
                "key": {"local": {"secretRef": {"name": "s", "key": "k"}}},
            },
            "status": {"conditions": conditions, "targets": targets},
        }))
        .unwrap()
    }

    #[test]
    fn bindings_are_counted_by_reason_and_a_stranger_makes_no_label_values() {
        let condition = |type_: &str, status: &str, reason: &str| json!({"type": type_, "status": status, "reason": reason, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let target = |name: &str, reason: &str| json!({"name": name, "injected": true, "pods": 1, "ready": 1, "reason": reason, "message": ""});
        let first = binding(
            &json!([
                condition("TokenReady", "False", "RotationPending"),
                condition("Ready", "True", "Ready")
            ]),
            &json!([target("a", "Ready"), target("b", "Progressing")]),
        );
        let second = binding(
            &json!([
                condition("Ready", "True", "Ready"),
                condition("Mine", "Maybe", "Because")
            ]),
            &json!([target("a", "Ready"), target("c", "Because")]),
        );
        let bindings = [&first, &second];
        assert_eq!(
            by_condition(&bindings),
            BTreeMap::from([
                (["Other", "Other", "Other"], 1),
                (["Ready", "True", "Ready"], 2),
                (["TokenReady", "False", "RotationPending"], 1),
            ])
        );
        assert_eq!(
            by_reason(&bindings),
            BTreeMap::from([("Other", 1), ("Progressing", 1), ("Ready", 2)])
        );
    }

    #[test]
    fn nothing_is_an_orphan_before_the_bindings_are_known() {
        let census = Census::new().unwrap();
        let (services, mut seen) = reflector::store();
        let service: PartialObjectMeta<Service> = serde_json::from_value(json!({"metadata": {
            "name": "voter-signer", "namespace": "atto",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "voter", "uid": "1"}],
        }}))
        .unwrap();
        for event in [Event::Init, Event::InitApply(service), Event::InitDone] {
            seen.apply_watcher_event(&event);
        }
        let (bindings, mut listed) = reflector::store();
        census.count(&bindings, &services);
        assert_eq!(census.orphans.get(), 0);
        listed.apply_watcher_event(&Event::Init);
        listed.apply_watcher_event(&Event::InitDone);
        census.count(&bindings, &services);
        assert_eq!(census.orphans.get(), 1);
    }
}
