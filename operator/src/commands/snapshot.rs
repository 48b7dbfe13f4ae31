//! Lists what the operator knows from its watches, once.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use crds::SignerBinding;
use crds::names::{DEPLOYMENT_LABEL, FIELD_MANAGER};
use futures::channel::mpsc::unbounded;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::Event;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use super::failure::Failure;
use super::patient::patiently;
use crate::cluster::Cluster;
use crate::cluster::stores::{Stores, Strays};
use crate::controller::apply::Writer;
use crate::controller::contest::Contest;
use crate::controller::context::Context;
use crate::controller::observe::Sources;
use crate::controller::pods::Answers;
use crate::controller::rollout_limit::RolloutLimit;
use crate::controller::schedule::Schedule;
use crate::exit;
use crate::model::settings::Settings;
use crate::telemetry::Metrics;

/// A reconcile's context for this namespace, from the present state.
pub async fn context(client: Client, settings: Settings, namespace: &str) -> Result<Context, Failure> {
    let bindings =
        stored::<DeserializeGuard<SignerBinding>>(&client, namespace, "list the SignerBindings", ListParams::default());
    let pods = stored::<Pod>(
        &client,
        namespace,
        "list the pods",
        ListParams::default().labels(DEPLOYMENT_LABEL),
    );
    let (bindings, pods) = (bindings.await?, pods.await?);
    let metrics = Metrics::new().map_err(|error| Failure::new(exit::SOFTWARE, error.to_string()))?;
    let recorder = Recorder::new(client.clone(), Reporter::from(FIELD_MANAGER));
    let stores = Stores {
        bindings,
        pods,
        services: reflector::store().0,
        held: reflector::store().0,
        strays: Strays::default(),
    };
    let cluster = Cluster::new(client);
    let (surroundings, scope) = (settings.surroundings.clone(), settings.scope.clone());
    let sources = Sources::new(cluster.clone(), stores, Answers::default(), surroundings, scope);
    let rollouts = RolloutLimit::new(None, unbounded().0);
    let contest = Contest::new(settings.operator.clone());
    let writer = Writer::new(cluster, contest, rollouts, recorder, Arc::new(metrics));
    Ok(Context::new(sources, writer, Schedule::default(), settings))
}

async fn stored<K>(
    client: &Client,
    namespace: &str,
    attempt: &'static str,
    parameters: ListParams,
) -> Result<Store<K>, Failure>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Default + Eq + Hash + Clone,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let found = patiently(attempt, async || api.list(&parameters).await).await?;
    let (store, mut writer) = reflector::store();
    writer.apply_watcher_event(&Event::Init);
    for object in found {
        writer.apply_watcher_event(&Event::InitApply(object));
    }
    writer.apply_watcher_event(&Event::InitDone);
    Ok(store)
}
