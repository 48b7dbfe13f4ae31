//! The Deployments of all bindings, collected once for all pods of a reconcile.

use std::collections::HashSet;
use std::sync::Arc;

use crds::SignerBinding;
use crds::conditions::reasons;
use kube::core::DeserializeGuard;

use crate::backends::share_a_key;
use crate::template::names::short_name;

/// The Deployments of all bindings, and some labels of their pods.
pub struct Served {
    /// By namespace and name.
    deployments: HashSet<(String, String)>,
    /// Labels of the other bindings with the same key, by namespace and value.
    labels: HashSet<(String, String)>,
}

impl Served {
    /// From the watch of the bindings; `own` is the binding that is checked.
    pub fn of(bindings: &[Arc<DeserializeGuard<SignerBinding>>], own: &SignerBinding) -> Self {
        let (mut deployments, mut labels) = (HashSet::new(), HashSet::new());
        for binding in bindings.iter().filter_map(|guarded| guarded.0.as_ref().ok()) {
            let is_another = binding.metadata.uid != own.metadata.uid && share_a_key(binding, own);
            let namespace = binding.metadata.namespace.clone().unwrap_or_default();
            for name in names(binding) {
                if is_another {
                    labels.insert((namespace.clone(), short_name(name)));
                }
                deployments.insert((namespace.clone(), name.to_owned()));
            }
        }
        Self { deployments, labels }
    }

    /// Whether a binding names this Deployment.
    pub fn has(&self, namespace: &str, deployment: &str) -> bool {
        self.deployments
            .contains(&(namespace.to_owned(), deployment.to_owned()))
    }

    /// Whether a pod with the key belongs, according to its label, to another binding with that key.
    pub fn is_by_label_of_another(&self, namespace: &str, label: &str) -> bool {
        self.labels.contains(&(namespace.to_owned(), label.to_owned()))
    }
}

/// The Deployment that the binding names, and those that it has reported and not released.
fn names(binding: &SignerBinding) -> impl Iterator<Item = &str> {
    let reported = binding.status.iter().flat_map(|status| &status.targets);
    let kept = reported.filter(|target| target.reason != reasons::NO_LONGER_SELECTED);
    let named = binding.spec.target.name.as_deref().into_iter();
    named.chain(kept.map(|target| target.name.as_str()))
}
