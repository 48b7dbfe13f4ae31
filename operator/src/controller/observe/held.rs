//! Which binding a Deployment is held for.

use crds::SignerBinding;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::PartialObjectMeta;
use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt};

use super::sources::Sources;
use crate::cluster::claims::claim;
use crate::model::error::Error;
use crate::model::held::Held;
use crate::template::whole::has_lost_its_signer;

/// Whether a binding names it, according to the watches.
pub fn is_claimed(sources: &Sources, held: &PartialObjectMeta<Deployment>) -> bool {
    let claims = |binding: &DeserializeGuard<SignerBinding>| {
        binding.meta().namespace == held.metadata.namespace && claim(binding, &held.name_any(), held.labels()).is_some()
    };
    !sources.stores.bindings.state_filter(claims).is_empty()
}

/// The Deployment and its bindings, read from the API server. None if it is no longer held.
///
/// # Errors
/// Fails if the API server does not answer.
pub async fn held(sources: &Sources, namespace: &str, name: &str) -> Result<Option<Held>, Error> {
    let found = sources.cluster.deployment(namespace, name).await?;
    let Some(live) = found.filter(|live| live.held_for().is_some() && !live.is_terminating()) else {
        return Ok(None);
    };
    Ok(Some(Held {
        is_claimed: sources.cluster.claims(namespace).await?.on(&live, None).is_some(),
        has_lost_its_signer: has_lost_its_signer(&live),
        live,
    }))
}
