//! The Secrets of a binding. A token's bytes do not leave this file.

use std::collections::BTreeMap;

use crds::SignerBinding;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use kube::api::Api;

use super::sources::Sources;
use crate::backends;
use crate::cluster::deadline;
use crate::controller::token;
use crate::model::error::Error;
use crate::model::observed::{LocalKeySecret, SecretVersions, Token};

/// What the later steps know of the Secrets.
pub struct Secrets {
    pub token: Token,
    pub local_key: LocalKeySecret,
    pub versions: SecretVersions,
}

/// Reads each of them once.
pub async fn secrets(sources: &Sources, namespace: &str, binding: &SignerBinding) -> Result<Secrets, Error> {
    let reference = &binding.spec.token_secret_ref;
    let backend = backends::of(&binding.spec.key);
    let local = backend.and_then(|backend| backend.secrets().first().copied());
    let api: Api<Secret> = Api::namespaced(sources.cluster.client(), namespace);
    let mut found = BTreeMap::new();
    for name in [Some(&reference.name), local.map(|local| &local.name)]
        .into_iter()
        .flatten()
    {
        if !found.contains_key(name) {
            let secret = deadline("get the Secret", api.get_opt(name)).await?;
            found.insert(name.clone(), secret);
        }
    }
    let versions = found
        .iter()
        .map(|(name, secret)| (name.clone(), secret.as_ref().map(|secret| version(&secret.metadata))));
    let versions = versions.collect();
    let local_key = match local {
        None => LocalKeySecret::NotUsed,
        Some(local) => match found.get(&local.name) {
            Some(Some(secret)) if has(secret, &local.key) => LocalKeySecret::Found,
            Some(Some(_)) => LocalKeySecret::KeyNotFound,
            _ => LocalKeySecret::SecretNotFound,
        },
    };
    let token = found.remove(&reference.name).flatten();
    Ok(Secrets {
        token: sources
            .fingerprints
            .observe(namespace, reference, token, token::examine)
            .await,
        local_key,
        versions,
    })
}

/// Whether the Secrets are still those that were read. Their values are not asked for.
///
/// # Errors
/// Fails if the API server does not answer.
pub async fn are_unchanged(sources: &Sources, binding: &SignerBinding, read: &SecretVersions) -> Result<bool, Error> {
    let api: Api<Secret> = Api::namespaced(sources.cluster.client(), &binding.namespace().unwrap_or_default());
    for (name, before) in read {
        let found = deadline("get the Secret's version", api.get_metadata_opt(name)).await?;
        if found.map(|secret| version(&secret.metadata)) != *before {
            return Ok(false);
        }
    }
    Ok(true)
}

fn has(secret: &Secret, key: &str) -> bool {
    secret.data.as_ref().is_some_and(|data| data.contains_key(key))
}

fn version(metadata: &ObjectMeta) -> (String, String) {
    let ObjectMeta {
        uid, resource_version, ..
    } = metadata;
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    (text(uid), text(resource_version))
}
