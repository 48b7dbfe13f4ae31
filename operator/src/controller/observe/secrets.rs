//! The Secrets of a binding. The bytes of a token do not leave this file.

use std::collections::BTreeMap;

use crds::{SecretKeyRef, SignerBinding};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use kube::api::Api;

use super::sources::Sources;
use crate::backends::{self, KeyBackend};
use crate::cluster::deadline;
use crate::controller::token;
use crate::model::error::Error;
use crate::model::observed::{LocalKeySecret, SecretVersions, Token};

/// The facts about the Secrets that the later steps get.
pub struct Secrets {
    pub token: Token,
    pub local_key: LocalKeySecret,
    /// Variables of the signer whose Secret or key does not exist, with the reference.
    pub missing_sources: Vec<(String, SecretKeyRef)>,
    pub versions: SecretVersions,
}

/// Reads each Secret once.
pub async fn secrets(sources: &Sources, namespace: &str, binding: &SignerBinding) -> Result<Secrets, Error> {
    let reference = &binding.spec.token_secret_ref;
    let backend = backends::of(&binding.spec.key);
    let local = backend.and_then(KeyBackend::secret).map(|secret| secret.reference);
    let api: Api<Secret> = Api::namespaced(sources.cluster.client(), namespace);
    let mut found = BTreeMap::new();
    let sources_of_variables = sources_of_variables(binding);
    let named = sources_of_variables.iter().map(|(_, source)| &source.name);
    for name in [Some(&reference.name), local.map(|local| &local.name)]
        .into_iter()
        .flatten()
        .chain(named)
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
    let is_there = |source: &SecretKeyRef| {
        let secret = found.get(&source.name).and_then(Option::as_ref);
        secret.is_some_and(|secret| has(secret, &source.key))
    };
    let missing = sources_of_variables.iter().filter(|(_, source)| !is_there(source));
    let missing_sources = missing
        .map(|(variable, source)| ((*variable).to_owned(), (*source).clone()))
        .collect();
    let token = found.remove(&reference.name).flatten();
    Ok(Secrets {
        token: sources
            .fingerprints
            .observe(namespace, reference, token, token::examine)
            .await,
        local_key,
        missing_sources,
        versions,
    })
}

/// The variables of `spec.signer.env` that come from Secrets.
fn sources_of_variables(binding: &SignerBinding) -> Vec<(&str, &SecretKeyRef)> {
    let variables = binding.spec.signer.iter().flat_map(|signer| &signer.env);
    let with_source = variables.filter_map(|variable| {
        let source = variable.value_from.as_ref()?.secret_key_ref.as_ref()?;
        Some((variable.name.as_str(), source))
    });
    with_source.collect()
}

/// Whether the Secrets are the same as before. Does not read their values.
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
