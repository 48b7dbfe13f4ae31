//! Many bindings, each with a label selector for two Deployments and its own Secrets with token and key. Bindings with one key wake
//! each other.

use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use crds::SignerBinding;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ListParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::operated::{binding, secret, voter, with};
use crate::{ControlPlane, eventually, pods};

/// Deployments per binding.
pub const EACH: usize = 2;

/// The label that a binding selects.
pub const LABEL: &str = "bench";

/// How the names of the Secrets with keys end.
pub const KEY: &str = "-key";

/// Bindings per namespace.
const PER_NAMESPACE: usize = 50;

const REQUESTS_AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_mins(15);
const PAUSE: Duration = Duration::from_secs(1);

/// The objects that exist when the operator starts.
pub struct Fleet {
    pub client: Client,
    pub namespaces: Vec<String>,
    pub bindings: usize,
    replicas: u8,
}

/// The objects of one binding.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    pub namespace: &'a str,
    pub number: usize,
    /// Pods per Deployment.
    replicas: u8,
}

impl Member<'_> {
    pub fn name(self) -> String {
        format!("voter-{}", self.number)
    }

    /// A Deployment of the binding, with a selector of its own.
    pub fn deployment(self, index: usize) -> Value {
        let name = format!("{}-{index}", self.name());
        let own = json!({ "app": name });
        let changes = [
            ("/metadata/name", json!(name)),
            ("/metadata/labels", json!({ LABEL: self.name() })),
            ("/spec/replicas", json!(self.replicas)),
            ("/spec/selector/matchLabels", own.clone()),
            ("/spec/template/metadata/labels", own),
        ];
        changes
            .into_iter()
            .fold(voter(), |deployment, (pointer, value)| with(deployment, pointer, value))
    }

    fn token(self) -> Value {
        let value = format!("{}-correct-horse-battery-staple-0123456789", self.name());
        secret(&format!("{}-token", self.name()), "value", &value)
    }

    fn key(self) -> Value {
        secret(
            &format!("{}{KEY}", self.name()),
            "value",
            &format!("{:064x}", self.number),
        )
    }

    fn binding(self) -> Value {
        let named = with(binding(), "/metadata/name", json!(self.name()));
        let by_label = json!({ "selector": { "matchLabels": { LABEL: self.name() } } });
        let changes = [
            ("/spec/target", by_label),
            ("/spec/key/local/secretRef/name", json!(format!("{}{KEY}", self.name()))),
            ("/spec/tokenSecretRef/name", json!(format!("{}-token", self.name()))),
        ];
        changes
            .into_iter()
            .fold(named, |binding, (pointer, value)| with(binding, pointer, value))
    }
}

impl Fleet {
    /// Creates everything and waits until the cluster has rolled it out. Without pods, the cluster has little to do besides the
    /// operator.
    pub async fn new(plane: &ControlPlane, bindings: usize, replicas: u8) -> Result<Self> {
        let client = plane.client().await?;
        let mut namespaces = vec![];
        for _ in 0..bindings.div_ceil(PER_NAMESPACE) {
            namespaces.push(plane.namespace("bench").await?);
        }
        let fleet = Self {
            client,
            namespaces,
            bindings,
            replicas,
        };
        for namespace in &fleet.namespaces {
            pods::default_account(&fleet.client, namespace).await?;
        }
        at_once(fleet.members(), async |member| {
            create::<Secret>(&fleet.client, member.namespace, member.token()).await?;
            create::<Secret>(&fleet.client, member.namespace, member.key()).await?;
            for index in 0..EACH {
                create::<Deployment>(&fleet.client, member.namespace, member.deployment(index)).await?;
            }
            create::<SignerBinding>(&fleet.client, member.namespace, member.binding()).await
        })
        .await?;
        fleet.is_rolled_out().await?;
        Ok(fleet)
    }

    pub fn deployments(&self) -> usize {
        self.bindings * EACH
    }

    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        (0..self.bindings).filter_map(|number| {
            let namespace = self.namespaces.get(number / PER_NAMESPACE)?;
            let replicas = self.replicas;
            Some(Member {
                namespace,
                number,
                replicas,
            })
        })
    }

    /// Acts as the kubelet until every Deployment is rolled out.
    pub async fn is_rolled_out(&self) -> Result<()> {
        at_once(self.namespaces.iter(), async |namespace| {
            let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
            eventually(PATIENCE, &format!("the rollouts in {namespace}"), async || {
                pods::make_ready(&self.client, namespace).await?;
                let found = deployments.list(&ListParams::default()).await?.items;
                let waiting = found.iter().find(|deployment| !is_done(deployment));
                if waiting.is_some() {
                    // Constant polling would overload the API server.
                    sleep(PAUSE).await;
                }
                ensure!(
                    waiting.is_none(),
                    "{} is not done",
                    waiting.map(ResourceExt::name_any).unwrap_or_default()
                );
                Ok(())
            })
            .await
        })
        .await
    }

    /// Watches until every binding is Injected, and returns the time.
    pub fn injected(&self) -> impl Future<Output = Result<Instant>> + Send + 'static {
        let (bindings, wanted) = (Api::<SignerBinding>::all(self.client.clone()), self.bindings);
        let namespaces: HashSet<_> = self.namespaces.iter().cloned().collect();
        async move {
            let mut done = HashSet::new();
            let mut events = pin!(watcher(bindings, watcher::Config::default()).applied_objects());
            while done.len() < wanted {
                let event = timeout(PATIENCE, events.try_next()).await;
                let binding = event.context("the bindings were not injected in time")??;
                let binding = binding.context("the watch ended")?;
                let namespace = binding.namespace().unwrap_or_default();
                if namespaces.contains(&namespace) && is_injected(&binding) {
                    done.insert((namespace, binding.name_any()));
                }
            }
            Ok(Instant::now())
        }
    }
}

fn is_injected(binding: &SignerBinding) -> bool {
    let conditions = binding.status.iter().flat_map(|status| &status.conditions);
    let mut injected = conditions.filter(|condition| condition.type_ == "Injected");
    injected.any(|condition| condition.status == "True")
}

fn is_done(deployment: &Deployment) -> bool {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    // A status omits zero.
    let wanted = wanted.filter(|wanted| *wanted > 0);
    deployment.status.as_ref().is_some_and(|status| {
        status.observed_generation >= deployment.metadata.generation
            && [status.updated_replicas, status.replicas, status.available_replicas] == [wanted; 3]
    })
}

async fn create<K>(client: &Client, namespace: &str, object: Value) -> Result<()>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::Serialize
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    api.create(&PostParams::default(), &serde_json::from_value(object)?)
        .await?;
    Ok(())
}

/// Processes the items, some concurrently.
async fn at_once<T>(items: impl Iterator<Item = T>, each: impl AsyncFn(T) -> Result<()>) -> Result<()> {
    let each = &each;
    let all = stream::iter(items).map(|item| async move { each(item).await });
    all.buffer_unordered(REQUESTS_AT_ONCE).try_collect().await
}
