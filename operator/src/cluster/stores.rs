//! Caches filled by the watches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crds::SignerBinding;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::PartialObjectMeta;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;

use crate::model::error::Error;
use crate::model::stray::Stray;

/// How long a reconcile waits for the first list of pods.
const PODS_WITHIN: Duration = Duration::from_secs(5);

/// Caches filled by the watches.
#[derive(Clone)]
pub struct Stores {
    pub bindings: Store<DeserializeGuard<SignerBinding>>,
    /// Pods that run an injected template.
    pub pods: Store<Pod>,
    /// Services that the operator created.
    pub services: Store<PartialObjectMeta<Service>>,
    /// Deployments that are held until their signer is injected.
    pub held: Store<PartialObjectMeta<Deployment>>,
    /// Pods that sign with the key of a binding but belong to no Deployment of a binding.
    pub strays: Strays,
}

/// The findings of the last reconcile of each binding, by the binding's uid. Finding the owner of a pod takes a request, and a
/// scrape must not send requests.
#[derive(Clone, Default)]
pub struct Strays(Arc<Mutex<HashMap<String, Vec<Stray>>>>);

impl Strays {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Vec<Stray>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the findings for a binding, and returns those that are new.
    pub fn note(&self, binding: &str, found: &[Stray]) -> Vec<Stray> {
        let mut known = self.known();
        let before = if found.is_empty() {
            known.remove(binding)
        } else {
            known.insert(binding.to_owned(), found.to_vec())
        };
        let before = before.unwrap_or_default();
        let is_new = |stray: &&Stray| {
            let mut others = before.iter();
            !others.any(|other| (&other.namespace, other.owner()) == (&stray.namespace, stray.owner()))
        };
        found.iter().filter(is_new).cloned().collect()
    }

    /// The findings for existing bindings, with the uid of the binding.
    pub fn of(&self, is_there: impl Fn(&str) -> bool) -> Vec<(String, Stray)> {
        let known = self.known();
        let there = known.iter().filter(|(binding, _)| is_there(binding));
        there
            .flat_map(|(binding, found)| found.iter().map(|stray| (binding.clone(), stray.clone())))
            .collect()
    }

    /// Forgets bindings that no longer exist.
    pub fn retain(&self, is_there: impl Fn(&str) -> bool) {
        self.known().retain(|binding, _| is_there(binding));
    }
}

impl Stores {
    /// Waits for the first lists. Without the bindings, the operator cannot tell which is older. Without the pods, only the
    /// status is incomplete, so it waits for them only briefly.
    ///
    /// # Errors
    /// Fails if the operator is stopping.
    pub async fn are_filled(&self) -> Result<(), Error> {
        self.bindings.wait_until_ready().await.map_err(Error::NotSynced)?;
        match tokio::time::timeout(PODS_WITHIN, self.pods.wait_until_ready()).await {
            Ok(ready) => ready.map_err(Error::NotSynced),
            Err(_) => Ok(()),
        }
    }
}
