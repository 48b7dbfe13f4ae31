//! Repeats the operator's writes in other namespaces, with a client that does nothing else, including the token hashes that the
//! operator computes.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context, Result};
use crds::{SecretKeyRef, SignerBinding};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ListParams, PartialObjectMeta};
use kube::{Api, Client, Resource, ResourceExt};
use operator::controller::token::{self, Hasher};
use serde_json::Value;

use super::fleet::{Fleet, KEY};
use crate::control_plane::Request;

/// As many concurrent writes as the operator has reconciles.
const IN_FLIGHT: usize = operator::controller::run::CONCURRENCY as usize;

/// Duration in seconds.
pub struct Bare {
    pub writes: f64,
    pub hashes: f64,
}

impl Bare {
    pub fn together(&self) -> f64 {
        self.writes + self.hashes
    }
}

/// Repeats the writes for one fleet for another one of the same size.
pub async fn replay(writes: &[Request], from: &Fleet, to: &Fleet, client: &Client) -> Result<Bare> {
    let other = Translation::between(from, to).await?;
    let requests: Vec<_> = writes
        .iter()
        .map(|write| other.translate(write))
        .collect::<Result<_>>()?;
    let started = Instant::now();
    stream::iter(requests)
        .map(|request| async { client.request::<Value>(request).await.map(drop) })
        .buffer_unordered(IN_FLIGHT)
        .try_collect::<()>()
        .await?;
    let writes = started.elapsed().as_secs_f64();
    let hashes = hashes(to).await?;
    Ok(Bare { writes, hashes })
}

async fn hashes(fleet: &Fleet) -> Result<f64> {
    let mut secrets = vec![];
    for namespace in &fleet.namespaces {
        let api: Api<Secret> = Api::namespaced(fleet.client.clone(), namespace);
        let found = api.list(&ListParams::default()).await?.items.into_iter();
        secrets.extend(found.filter(|secret| !secret.name_any().ends_with(KEY)));
    }
    let mut hasher = Hasher::default();
    let started = Instant::now();
    for secret in &secrets {
        let reference = SecretKeyRef {
            name: secret.name_any(),
            key: "value".to_owned(),
        };
        let token = token::examine(&mut hasher, &secret.namespace().unwrap_or_default(), &reference, secret);
        std::hint::black_box(token);
    }
    Ok(started.elapsed().as_secs_f64())
}

/// Names of one fleet, with the corresponding names of the other.
struct Translation(HashMap<String, String>);

impl Translation {
    async fn between(from: &Fleet, to: &Fleet) -> Result<Self> {
        let namespaces = from.namespaces.iter().cloned().zip(to.namespaces.iter().cloned());
        let mut words: HashMap<_, _> = namespaces.collect();
        for (old, new) in from.namespaces.iter().zip(&to.namespaces) {
            let mut new_of = uids::<Deployment>(&to.client, new).await?;
            new_of.extend(uids::<SignerBinding>(&to.client, new).await?);
            let mut old_of = uids::<Deployment>(&from.client, old).await?;
            old_of.extend(uids::<SignerBinding>(&from.client, old).await?);
            words.extend(
                old_of
                    .into_iter()
                    .filter_map(|(name, uid)| Some((uid, new_of.remove(&name)?))),
            );
        }
        Ok(Self(words))
    }

    fn translate(&self, write: &Request) -> Result<http::Request<Vec<u8>>> {
        let mut body = write
            .request_object
            .clone()
            .context("a write has no body in the audit log")?;
        self.replace(&mut body);
        // Belongs to the original fleet.
        if let Some(metadata) = body["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        let namespace = self
            .0
            .get(write.namespace())
            .context("a write is in no namespace of the fleet")?;
        let uri = write.uri.replacen(write.namespace(), namespace, 1);
        let (method, content) = match (write.verb.as_str(), write.uri.contains("fieldManager=")) {
            ("create", _) => ("POST", "application/json"),
            (_, true) => ("PATCH", "application/apply-patch+yaml"),
            (_, false) => ("PATCH", "application/merge-patch+json"),
        };
        let request = http::Request::builder().method(method).uri(uri);
        Ok(request
            .header(http::header::CONTENT_TYPE, content)
            .body(serde_json::to_vec(&body)?)?)
    }

    fn replace(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(other) = self.0.get(text) {
                    text.clone_from(other);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.replace(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.replace(field)),
            _ => {}
        }
    }
}

/// By kind and name.
async fn uids<K>(client: &Client, namespace: &str) -> Result<HashMap<String, String>>
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let found = api.list_metadata(&ListParams::default()).await?.items.into_iter();
    let named =
        |object: PartialObjectMeta<K>| Some((format!("{}/{}", K::kind(&()), object.name_any()), object.metadata.uid?));
    Ok(found.filter_map(named).collect())
}
