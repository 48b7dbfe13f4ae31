//! Who asks for it that a Deployment is held.

use std::collections::BTreeMap;

use crds::SignerBinding;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ListParams, PartialObjectMeta};
use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt};

use super::sources::Sources;
use crate::cluster::deadline;
use crate::model::error::Error;
use crate::model::held::Held;

/// Whether a binding names it, as the watches show it.
pub fn is_claimed(sources: &Sources, held: &PartialObjectMeta<Deployment>) -> bool {
    let claims = |binding: &DeserializeGuard<SignerBinding>| {
        binding.meta().namespace == held.metadata.namespace && claims(binding, &held.name_any(), held.labels())
    };
    !sources.stores.bindings.state_filter(claims).is_empty()
}

/// The Deployment and its bindings afresh; none if it is not held any more.
///
/// # Errors
/// Fails if the API server does not answer.
pub async fn held(sources: &Sources, namespace: &str, name: &str) -> Result<Option<Held>, Error> {
    let found = sources.cluster.deployment(namespace, name).await?;
    let Some(live) = found.filter(|live| live.held_for().is_some() && !live.is_terminating()) else {
        return Ok(None);
    };
    let api: Api<DeserializeGuard<SignerBinding>> = Api::namespaced(sources.cluster.client(), namespace);
    let bindings = deadline("list the SignerBindings", api.list(&ListParams::default())).await?;
    let labels = live.labels();
    let claimed_by = bindings.iter().find(|binding| claims(binding, name, &labels));
    Ok(Some(Held {
        claimed_by: claimed_by.map(ResourceExt::name_any),
        live,
    }))
}

/// One that cannot be read may be for it.
fn claims(binding: &DeserializeGuard<SignerBinding>, name: &str, labels: &BTreeMap<String, String>) -> bool {
    binding.meta().deletion_timestamp.is_none()
        && binding
            .0
            .as_ref()
            .map_or(true, |binding| binding.spec.target.selects(name, labels))
}
