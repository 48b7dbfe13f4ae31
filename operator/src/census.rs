//! Bindings and what is left of them, counted from the watches when somebody asks.

use std::collections::{BTreeMap, HashSet};

use crds::SignerBinding;
use crds::conditions::reasons;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::PartialObjectMeta;
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry};

use crate::controller::context::Context;

/// The gauges.
pub struct Census {
    orphans: IntGauge,
    bindings: IntGaugeVec,
}

impl Census {
    /// Registers them.
    ///
    /// # Errors
    /// Fails if two metrics share a name.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let orphans = IntGauge::new(
            "signer_operator_orphans",
            "Deployments that carry a signer and that no SignerBinding is for.",
        )?;
        let bindings = IntGaugeVec::new(
            Opts::new(
                "signer_operator_bindings",
                "SignerBindings by condition and its status.",
            ),
            &["condition", "status"],
        )?;
        registry.register(Box::new(orphans.clone()))?;
        registry.register(Box::new(bindings.clone()))?;
        Ok(Self { orphans, bindings })
    }

    /// Counts.
    pub fn take(&self, context: &Context) {
        let bindings = context.bindings.state();
        let bindings: Vec<&SignerBinding> = bindings.iter().filter_map(|guarded| guarded.0.as_ref().ok()).collect();
        let services = context.services.state();
        let served: HashSet<_> = bindings.iter().flat_map(|binding| served(binding)).collect();
        let orphans = services.iter().filter(|service| is_orphaned(service, &served)).count();
        self.orphans.set(i64::try_from(orphans).unwrap_or(i64::MAX));
        // What nobody has any more would stay as it was.
        self.bindings.reset();
        for ((condition, status), count) in by_condition(&bindings) {
            self.bindings.with_label_values(&[condition, status]).set(count);
        }
    }
}

fn by_condition<'a>(bindings: &[&'a SignerBinding]) -> BTreeMap<(&'a str, &'a str), i64> {
    let mut counts = BTreeMap::new();
    for condition in bindings
        .iter()
        .filter_map(|binding| binding.status.as_ref())
        .flat_map(|status| &status.conditions)
    {
        *counts
            .entry((condition.type_.as_str(), condition.status.as_str()))
            .or_default() += 1;
    }
    counts
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
