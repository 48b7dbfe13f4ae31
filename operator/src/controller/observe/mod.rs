//! Step 1: what is there. Reads, and nothing else.

use crate::template::voter::is_same_voter;
use std::sync::Arc;

use crds::SignerBinding;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{Api, DynamicObject};
use kube::core::DeserializeGuard;
use kube::discovery::ApiResource;
use kube::{Resource, ResourceExt};

use crate::controller::context::{Context, deadline};
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::scope::Scope;

mod accounts;
mod rivals;
mod secrets;
mod targets;

use crate::model::binding::{removes, shares_a_key, was_injected};
use crate::model::observed::{Observed, Selection};
pub use accounts::account;
use secrets::Secrets;
pub use secrets::are_unchanged;

/// Reads the binding afresh: the watch may be behind our own last write, and a status compared with an older one would
/// be written, and its Events told, a second time.
pub async fn binding(context: &Context, cached: &SignerBinding) -> Result<Option<Arc<SignerBinding>>, Error> {
    let api: Api<SignerBinding> = Api::namespaced(context.client.clone(), &cached.namespace().unwrap_or_default());
    let name = cached.name_any();
    let found = deadline("get the SignerBinding", api.get_opt(&name)).await?;
    Ok(found.filter(|found| found.uid() == cached.uid()).map(Arc::new))
}

/// Reads everything that this binding is about.
///
/// # Errors
/// Fails if the API server does not answer a read; a missing object is not an error.
pub async fn observe(context: &Context, binding: Arc<SignerBinding>) -> Result<Observed, Error> {
    let namespace = binding.namespace().unwrap_or_default();
    let targets = targets::targets(context, &binding).await?;
    let Secrets {
        token,
        local_key,
        versions: secret_versions,
    } = secrets::secrets(context, &namespace, &binding).await?;
    let deployments: Vec<_> = targets.iter().filter_map(|target| target.deployment.as_ref()).collect();
    Ok(Observed {
        accounts: accounts::accounts(context, &binding, &deployments).await?,
        project: context.settings.project.clone(),
        targets,
        token,
        local_key,
        secret_versions,
        same_key: same_key(&context.bindings.state(), &binding),
        binding,
    })
}

/// From the watch: a warning that comes a moment later is as good.
fn same_key(bindings: &[Arc<DeserializeGuard<SignerBinding>>], binding: &SignerBinding) -> Vec<String> {
    let others = bindings.iter().filter_map(|other| other.0.as_ref().ok());
    let mut same: Vec<_> = others
        .filter(|other| other.meta().uid != binding.meta().uid && shares_a_key(other, binding))
        .map(|other| format!("{}/{}", other.namespace().unwrap_or_default(), other.name_any()))
        .collect();
    same.sort_unstable();
    same
}

/// Reads a Deployment as it is.
pub async fn deployment(context: &Context, namespace: &str, name: &str) -> Result<Option<LiveDeployment>, Error> {
    let api = deployments(context, namespace);
    let found = deadline("get the Deployment", api.get_opt(name)).await?;
    found
        .map(|object| serde_json::to_value(object).map(LiveDeployment::new))
        .transpose()
        .map_err(Error::Encode)
}

/// The Deployments of a namespace, without a type.
pub fn deployments(context: &Context, namespace: &str) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<k8s_openapi::api::apps::v1::Deployment>(&());
    Api::namespaced_with(context.client.clone(), namespace, &resource)
}

/// The Services of a namespace, without a type.
pub fn services(context: &Context, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(context.client.clone(), namespace, &ApiResource::erase::<Service>(&()))
}

async fn namespace_is_terminating(context: &Context, namespace: &str) -> Result<bool, Error> {
    let api: Api<Namespace> = Api::all(context.client.clone());
    let found = match deadline("get the namespace", api.get_opt(namespace)).await {
        // Its Role is gone, as in a namespace that is being deleted, and nothing in it could be restored.
        Err(error) if error.is_forbidden() && context.settings.scope != Scope::Cluster => return Ok(true),
        found => found?,
    };
    Ok(found.is_none_or(|namespace| namespace.meta().deletion_timestamp.is_some()))
}

/// The Deployments that a binding on its way out has to restore: none that is gone or going, none if the whole namespace
/// is going, none that another binding is for, and none if the binding no longer asks for it or is suspended.
pub async fn to_restore(context: &Context, binding: &SignerBinding) -> Result<Vec<LiveDeployment>, Error> {
    let namespace = binding.namespace().unwrap_or_default();
    if !removes(binding) || binding.spec.suspend == Some(true) || namespace_is_terminating(context, &namespace).await? {
        return Ok(vec![]);
    }
    let targets = targets::targets(context, binding).await?;
    Ok(targets
        .into_iter()
        // Another binding inherits the Deployment as it is: taking the signer out for a moment would start the voter
        // without it.
        .filter(|target| target.rivals.is_empty() && target.selection != Selection::LetGo)
        .filter_map(|target| target.deployment)
        .filter(|live| !live.is_terminating() && is_served(binding, live))
        .collect())
}

/// Whether what the Deployment carries is of this binding. One that it names has nobody else's, because a finalizer is
/// only there once it was injected.
fn is_served(binding: &SignerBinding, live: &LiveDeployment) -> bool {
    binding.spec.target.name.is_some() || was_injected(binding, live.name()) || is_same_voter(live, binding)
}
