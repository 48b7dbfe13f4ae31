//! Step 1: observe. Read-only.

mod accounts;
pub mod held;
mod owners;
mod rivals;
mod secrets;
mod served;
mod sources;
mod strays;
mod targets;

use std::sync::Arc;

use crds::SignerBinding;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;
use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt};

use crate::backends::share_a_key;
use crate::cluster::claims::{Claim, Claims};
use crate::cluster::deadline;
use crate::model::binding::{removes, was_injected};
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::observed::{Observed, SameKey, Selection};
use crate::model::scope::Scope;
use crate::template::voter::is_its_voter;
use accounts::Accounts;
use secrets::Secrets;
use targets::Targets;

pub use secrets::are_unchanged;
pub use sources::Sources;

/// Reads the binding from the API server. The watch may be behind the operator's last write. Compared with an outdated status,
/// the new one would be written a second time, with its Events.
pub async fn binding(sources: &Sources, cached: &SignerBinding) -> Result<Option<Arc<SignerBinding>>, Error> {
    let api: Api<SignerBinding> = Api::namespaced(sources.cluster.client(), &cached.namespace().unwrap_or_default());
    let name = cached.name_any();
    let found = deadline("get the SignerBinding", api.get_opt(&name)).await?;
    Ok(found.filter(|found| found.uid() == cached.uid()).map(Arc::new))
}

/// Reads everything that concerns this binding.
///
/// # Errors
/// Fails if the API server does not answer a read. A missing object is not an error.
pub async fn observe(sources: &Sources, binding: Arc<SignerBinding>) -> Result<Observed, Error> {
    let namespace = binding.namespace().unwrap_or_default();
    let Targets { targets, deleted } = targets::targets(sources, &binding).await?;
    let Secrets {
        token,
        local_key,
        missing_sources,
        versions: secret_versions,
    } = secrets::secrets(sources, &namespace, &binding).await?;
    let Accounts { accounts, leftovers } = accounts::accounts(sources, &binding, &targets).await?;
    let same_key = SameKey {
        strays: strays::strays(sources, &binding, &targets).await?,
        ..same_key(&sources.stores.bindings.state(), &binding)
    };
    Ok(Observed {
        accounts,
        leftovers,
        surroundings: sources.surroundings.clone(),
        other_operator: None,
        targets,
        deleted,
        token,
        local_key,
        missing_sources,
        secret_versions,
        same_key,
        binding,
    })
}

/// Uses the watch, because a warning may be a moment late.
fn same_key(bindings: &[Arc<DeserializeGuard<SignerBinding>>], binding: &SignerBinding) -> SameKey {
    let others = bindings.iter().filter_map(|other| other.0.as_ref().ok());
    let same = others.filter(|other| other.meta().uid != binding.meta().uid && share_a_key(other, binding));
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        same.partition(|other| other.meta().namespace == binding.meta().namespace);
    let mut here: Vec<_> = here.iter().map(|other| other.name_any()).collect();
    here.sort_unstable();
    SameKey {
        here,
        elsewhere: elsewhere.len(),
        strays: vec![],
    }
}

async fn namespace_is_terminating(sources: &Sources, namespace: &str) -> Result<bool, Error> {
    let api: Api<Namespace> = Api::all(sources.cluster.client());
    let found = match deadline("get the namespace", api.get_opt(namespace)).await {
        // Its Role was removed, as in a namespace that is being deleted, and nothing in it could be restored.
        Err(error) if error.is_forbidden() && sources.scope != Scope::Cluster => return Ok(true),
        found => found?,
    };
    Ok(found.is_none_or(|namespace| namespace.meta().deletion_timestamp.is_some()))
}

/// Whether a binding that is being deleted restores the earlier state.
async fn restores(sources: &Sources, binding: &SignerBinding) -> Result<bool, Error> {
    if !removes(binding) || binding.spec.suspend == Some(true) {
        return Ok(false);
    }
    let namespace = binding.namespace().unwrap_or_default();
    Ok(!namespace_is_terminating(sources, &namespace).await?)
}

/// The ServiceAccounts that it annotated, including those of Deployments that no longer exist.
pub async fn accounts_to_restore(sources: &Sources, binding: &SignerBinding) -> Result<Vec<String>, Error> {
    let status = binding.status.as_ref();
    match status.map(|status| status.annotated_service_accounts.clone()) {
        Some(accounts) if !accounts.is_empty() && restores(sources, binding).await? => Ok(accounts),
        _ => Ok(vec![]),
    }
}

/// The Deployments that a binding that is being deleted must restore. Excludes those that are being deleted or named by another
/// binding. Empty if the namespace is being deleted, or if the binding is suspended or no longer asks for removal.
pub async fn to_restore(sources: &Sources, binding: &SignerBinding) -> Result<Vec<LiveDeployment>, Error> {
    if !restores(sources, binding).await? {
        return Ok(vec![]);
    }
    let found = targets::targets(sources, binding).await?;
    let served: Vec<_> = found
        .targets
        .into_iter()
        .filter(|target| target.selection != Selection::LetGo)
        .filter_map(|target| target.deployment)
        .filter(|live| !live.is_terminating() && is_served(binding, live))
        .collect();
    if served.is_empty() {
        return Ok(vec![]);
    }
    // Another binding takes over the Deployment as it is. Removing the signer for a moment would start the voter without it.
    let namespace = binding.namespace().unwrap_or_default();
    let claims = sources.cluster.claims(&namespace).await?;
    Ok(served
        .into_iter()
        .filter(|live| !is_claimed(&claims, live, binding))
        .collect())
}

fn is_claimed(claims: &Claims, live: &LiveDeployment, binding: &SignerBinding) -> bool {
    let claim = claims.on(live, Some(binding));
    if let Some(Claim::Unreadable(other)) = &claim {
        let (namespace, deployment) = (live.namespace(), live.name());
        tracing::warn!(
            namespace,
            deployment,
            "the signer stays in place: SignerBinding {other} cannot be read and may name this Deployment"
        );
    }
    claim.is_some()
}

/// Whether the injection in the Deployment belongs to this binding. If the binding names the Deployment, it does, because the
/// binding gets its finalizer only once it injects.
fn is_served(binding: &SignerBinding, live: &LiveDeployment) -> bool {
    binding.spec.target.name.is_some() || was_injected(binding, live.name()) || is_its_voter(binding, live)
}
