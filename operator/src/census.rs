//! Bindings and what is left of them, counted from the watches when somebody asks.

use std::collections::BTreeMap;

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
        let orphans = services
            .iter()
            .filter(|service| is_orphaned(service, &bindings))
            .count();
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

/// A Service of ours lives as long as its Deployment, and is deleted when the signer is taken out.
fn is_orphaned(service: &PartialObjectMeta<Service>, bindings: &[&SignerBinding]) -> bool {
    let owner = service
        .owner_references()
        .iter()
        .find(|owner| owner.kind == "Deployment");
    let Some(deployment) = owner.map(|owner| owner.name.as_str()) else {
        return false;
    };
    let serves = |binding: &SignerBinding| {
        let mut reported = binding.status.iter().flat_map(|status| &status.targets);
        binding.spec.target.name.as_deref() == Some(deployment)
            || reported.any(|target| target.name == deployment && target.reason != reasons::NO_LONGER_SELECTED)
    };
    !bindings
        .iter()
        .any(|binding| binding.namespace() == service.namespace() && serves(binding))
}
