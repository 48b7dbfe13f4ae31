//! What the watches have brought.

use std::time::Duration;

use crds::SignerBinding;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::PartialObjectMeta;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;

use crate::model::error::Error;

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
