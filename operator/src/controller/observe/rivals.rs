//! Other bindings for the same Deployment.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::SignerBinding;
use kube::api::Api;
use kube::{Resource, ResourceExt};

use super::sources::Sources;
use crate::cluster::deadline;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::observed::{ObservedTarget, Rival};

/// The other bindings of the namespace that share a Deployment with this one and are not being deleted, and whether they are
/// older.
pub struct Rivals(Vec<(SignerBinding, bool)>);

impl Rivals {
    /// Reads each of them from the API server, because the list comes from a watch that may be behind.
    pub async fn observe(
        sources: &Sources,
        binding: &SignerBinding,
        targets: &[ObservedTarget],
    ) -> Result<Self, Error> {
        let age = |binding: &SignerBinding| (binding.creation_timestamp().map(|time| time.0), binding.name_any());
        let api: Api<SignerBinding> =
            Api::namespaced(sources.cluster.client(), &binding.namespace().unwrap_or_default());
        let mut rivals = vec![];
        for guarded in others(sources, binding, targets) {
            let Ok(other) = &guarded.0 else { continue };
            let found = deadline("get another SignerBinding", api.get_opt(&other.name_any())).await?;
            if let Some(other) = found.filter(|other| other.meta().deletion_timestamp.is_none()) {
                let is_older = age(&other) < age(binding);
                rivals.push((other, is_older));
            }
        }
        Ok(Self(rivals))
    }

    /// The bindings that name this Deployment.
    pub fn of(&self, target: &ObservedTarget) -> Vec<Rival> {
        let labels = labels(target);
        let rivals = self
            .0
            .iter()
            .filter(|(other, _)| is_for(other, &target.name, labels.as_ref()));
        rivals
            .map(|(other, is_older)| Rival {
                name: other.name_any(),
                is_older: *is_older,
            })
            .collect()
    }
}

/// Every binding of the cluster is compared, so the values of the Deployments are read only once.
fn others(
    sources: &Sources,
    binding: &SignerBinding,
    targets: &[ObservedTarget],
) -> Vec<Arc<kube::core::DeserializeGuard<SignerBinding>>> {
    let labels: Vec<_> = targets.iter().map(labels).collect();
    sources.stores.bindings.state_filter(|other| {
        let is_another =
            other.meta().namespace == binding.metadata.namespace && other.meta().name != binding.metadata.name;
        let shares = |other: &SignerBinding| {
            let mut pairs = targets.iter().zip(&labels);
            pairs.any(|(target, labels)| is_for(other, &target.name, labels.as_ref()))
        };
        is_another && other.0.as_ref().is_ok_and(shares)
    })
}

fn labels(target: &ObservedTarget) -> Option<BTreeMap<String, String>> {
    target.deployment.as_ref().map(LiveDeployment::labels)
}

/// A Deployment that does not exist has no labels, and no selector matches it.
fn is_for(binding: &SignerBinding, name: &str, labels: Option<&BTreeMap<String, String>>) -> bool {
    let wanted = &binding.spec.target;
    match labels {
        Some(labels) => wanted.selects(name, labels),
        None => wanted.name.as_deref() == Some(name),
    }
}
