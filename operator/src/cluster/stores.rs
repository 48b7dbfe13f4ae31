//! What the watches have brought.

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

/// What the watches have brought.
#[derive(Clone)]
pub struct Stores {
    pub bindings: Store<DeserializeGuard<SignerBinding>>,
    /// Those that run an injected template.
    pub pods: Store<Pod>,
    /// Those that the operator has made.
    pub services: Store<PartialObjectMeta<Service>>,
    /// Those that are held for their signer.
    pub held: Store<PartialObjectMeta<Deployment>>,
    /// Pods with the key of a binding that are of no Deployment of one.
    pub strays: Strays,
}

/// What the last reconcile at each binding has found, by its uid. The owner of a pod takes a request, which a scrape must not make.
#[derive(Clone, Default)]
pub struct Strays(Arc<Mutex<HashMap<String, Vec<Stray>>>>);

impl Strays {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Vec<Stray>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what was found for a binding, and gives back those that were not there before.
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

    /// Those of the bindings that are there, with the uid of the binding.
    pub fn of(&self, is_there: impl Fn(&str) -> bool) -> Vec<(String, Stray)> {
        let known = self.known();
        let there = known.iter().filter(|(binding, _)| is_there(binding));
        there
            .flat_map(|(binding, found)| found.iter().map(|stray| (binding.clone(), stray.clone())))
            .collect()
    }

    /// Forgets the bindings that no longer exist.
    pub fn retain(&self, is_there: impl Fn(&str) -> bool) {
        self.known().retain(|binding, _| is_there(binding));
    }
}

impl Stores {
    /// Waits for the first lists. Without the bindings nobody knows who came first; without the pods only a status would be
    /// poorer, so they are not waited for long.
    ///
    /// # Errors
    /// Fails if the operator is about to end.
    pub async fn are_filled(&self) -> Result<(), Error> {
        self.bindings.wait_until_ready().await.map_err(Error::NotSynced)?;
        match tokio::time::timeout(PODS_WITHIN, self.pods.wait_until_ready()).await {
            Ok(ready) => ready.map_err(Error::NotSynced),
            Err(_) => Ok(()),
        }
    }
}
