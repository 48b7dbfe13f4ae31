//! Step 1: what is there. Reads, and nothing else; a token's bytes do not leave this file.

use std::sync::Arc;

use crds::names::FINALIZER;
use crds::{DeletionPolicy, SignerBinding};
use k8s_openapi::api::core::v1::{Namespace, Secret, Service};
use kube::api::{Api, DynamicObject};
use kube::discovery::ApiResource;
use kube::{Resource, ResourceExt};
use serde_json::Value;

use super::context::{Context, deadline};
use super::error::Error;
use super::live::LiveDeployment;
use super::render::names::service_name;
use super::token::{self, Token};

/// Everything that the later steps decide from.
#[derive(Debug)]
pub struct Observed {
    pub binding: Arc<SignerBinding>,
    pub deployment: Option<LiveDeployment>,
    pub service: Option<Value>,
    pub token: Token,
    pub local_key: LocalKeySecret,
    pub rivals: Vec<Rival>,
}

/// Whether the Secret with the key of the LOCAL backend is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalKeySecret {
    NotUsed,
    Found,
    SecretNotFound,
    KeyNotFound,
}

/// Another binding that names the same Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    pub name: String,
    pub is_older: bool,
}

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
    let (deployment, service) = match &binding.spec.target.name {
        Some(name) => (
            deployment(context, &namespace, name).await?,
            service(context, &namespace, name).await?,
        ),
        None => (None, None),
    };
    Ok(Observed {
        token: token(context, &namespace, &binding).await?,
        local_key: local_key(context, &namespace, &binding).await?,
        rivals: rivals(context, &binding).await?,
        binding,
        deployment,
        service,
    })
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

async fn service(context: &Context, namespace: &str, deployment: &str) -> Result<Option<Value>, Error> {
    let api = services(context, namespace);
    let found = deadline("get the Service", api.get_opt(&service_name(deployment))).await?;
    found.map(serde_json::to_value).transpose().map_err(Error::Encode)
}

async fn namespace_is_terminating(context: &Context, namespace: &str) -> Result<bool, Error> {
    let api: Api<Namespace> = Api::all(context.client.clone());
    let found = deadline("get the namespace", api.get_opt(namespace)).await?;
    Ok(found.is_none_or(|namespace| namespace.meta().deletion_timestamp.is_some()))
}

/// The Deployment that a binding on its way out has to restore: none if it is gone or going, if the whole namespace
/// is going, if another binding is for it, or if the binding no longer asks for it.
pub async fn to_restore(context: &Context, binding: &SignerBinding) -> Result<Option<LiveDeployment>, Error> {
    let namespace = binding.namespace().unwrap_or_default();
    let Some(name) = &binding.spec.target.name else {
        return Ok(None);
    };
    // Another binding inherits the Deployment as it is: taking the signer out for a moment would start the voter without
    // it.
    if !removes(binding)
        || !rivals(context, binding).await?.is_empty()
        || namespace_is_terminating(context, &namespace).await?
    {
        return Ok(None);
    }
    let found = deployment(context, &namespace, name).await?;
    Ok(found.filter(|live| !live.is_terminating()))
}

async fn secret(context: &Context, namespace: &str, name: &str) -> Result<Option<Secret>, Error> {
    let api: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    deadline("get the Secret", api.get_opt(name)).await
}

async fn token(context: &Context, namespace: &str, binding: &SignerBinding) -> Result<Token, Error> {
    let reference = &binding.spec.token_secret_ref;
    let found = secret(context, namespace, &reference.name).await?;
    Ok(context
        .fingerprints
        .observe(namespace, reference, found, token::examine)
        .await)
}

async fn local_key(context: &Context, namespace: &str, binding: &SignerBinding) -> Result<LocalKeySecret, Error> {
    let Some(local) = &binding.spec.key.local else {
        return Ok(LocalKeySecret::NotUsed);
    };
    let found = secret(context, namespace, &local.secret_ref.name).await?;
    Ok(match found.and_then(|secret| secret.data) {
        None => LocalKeySecret::SecretNotFound,
        Some(data) if data.contains_key(&local.secret_ref.key) => LocalKeySecret::Found,
        Some(_) => LocalKeySecret::KeyNotFound,
    })
}

/// The other bindings of the namespace that name the same Deployment and will stay. The list comes from a watch, which may
/// be behind, so each one is asked for.
async fn rivals(context: &Context, binding: &SignerBinding) -> Result<Vec<Rival>, Error> {
    let age = |binding: &SignerBinding| (binding.creation_timestamp().map(|time| time.0), binding.name_any());
    let api: Api<SignerBinding> = Api::namespaced(context.client.clone(), &binding.namespace().unwrap_or_default());
    let mut rivals = vec![];
    for name in same_target(context, binding) {
        let found = deadline("get another SignerBinding", api.get_opt(&name)).await?;
        if let Some(other) = found.filter(|other| other.meta().deletion_timestamp.is_none()) {
            rivals.push(Rival {
                is_older: age(&other) < age(binding),
                name,
            });
        }
    }
    Ok(rivals)
}

fn same_target(context: &Context, binding: &SignerBinding) -> Vec<String> {
    context
        .bindings
        .state()
        .iter()
        .filter_map(|guarded| guarded.0.as_ref().ok())
        .filter(|other| other.namespace() == binding.namespace() && other.name_any() != binding.name_any())
        .filter(|other| other.spec.target.name.is_some() && other.spec.target.name == binding.spec.target.name)
        .map(ResourceExt::name_any)
        .collect()
}

/// Whether deleting the binding restores its Deployment.
pub fn removes(binding: &SignerBinding) -> bool {
    binding.spec.deletion_policy == Some(DeletionPolicy::Remove)
}

/// Whether the binding asked for removal when it was last seen.
pub fn has_finalizer(binding: &SignerBinding) -> bool {
    binding.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}
