//! Watches in the whole cluster or in some namespaces, as a stream that never fails. `controller/run.rs` lists the
//! watched objects, and the other triggers of a reconcile.

mod backoff;
pub mod held;
pub mod mappers;
mod merge;

use std::fmt::Debug;
use std::sync::Arc;

use crds::names::HELD_ANNOTATION;
use futures::stream::{BoxStream, StreamExt, select_all};
use k8s_openapi::NamespaceResourceScope;
use kube::api::PartialObjectMeta;
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use self::backoff::WatchBackoff;
use self::merge::Merge;
use crate::controller::schedule::resync::Resyncs;
use crate::model::scope::Scope;
use crate::telemetry::Metrics;

/// Shorter than the idle timeouts of common load balancers, after which a watch would silently stop.
const WATCH_SECONDS: u32 = 200;

/// The configuration of every watch.
pub fn config() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_SECONDS)
}

/// Events of one kind. Errors are already reported and paused, separately for each watch, so that a failing one does not block
/// the others.
pub type Events<K> = BoxStream<'static, watcher::Result<Event<K>>>;

/// Makes the watches.
pub struct Watches {
    pub client: Client,
    pub scope: Scope,
    pub metrics: Arc<Metrics>,
    pub resyncs: Resyncs,
}

impl Watches {
    /// Whole objects, without the fields that `prune` removes.
    pub fn objects<K>(&self, config: &watcher::Config, prune: fn(&mut K)) -> Events<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Debug
            + Send
            + 'static,
    {
        let apis = self.scope.apis::<K>(&self.client);
        self.together(
            apis.into_iter()
                .map(|api| watcher(api, config.clone()).modify(prune).boxed()),
        )
    }

    /// Only the metadata: names, labels and owners.
    pub fn metadata<K>(&self, config: &watcher::Config) -> Events<PartialObjectMeta<K>>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Debug
            + Send
            + 'static,
    {
        self.objects(config, prune_metadata)
    }

    fn together<K>(&self, streams: impl Iterator<Item = Events<K>>) -> Events<K>
    where
        K: Resource<DynamicType = ()> + Clone + Send + 'static,
    {
        let mut streams: Vec<_> = streams.map(|stream| self.told(stream)).collect();
        if streams.len() == 1 {
            let alone = streams.remove(0);
            return alone.filter_map(async |result| result.ok().map(Ok)).boxed();
        }
        let mut merge = Merge::of(streams.len());
        let numbered = streams
            .into_iter()
            .enumerate()
            .map(|(index, stream)| stream.map(move |result| (index, result)));
        select_all(numbered)
            .flat_map(move |(index, result)| futures::stream::iter(merge.take(index, result).into_iter().map(Ok)))
            .boxed()
    }

    /// Counts errors, and logs one when a watch begins to fail.
    fn told<K>(&self, stream: Events<K>) -> Events<K>
    where
        K: Resource<DynamicType = ()> + Send + 'static,
    {
        let (metrics, resyncs, kind) = (self.metrics.clone(), self.resyncs.clone(), K::kind(&()));
        let mut fails = false;
        let backoff = WatchBackoff::default();
        let noted = backoff.clone();
        stream
            .inspect(move |result| noted.note(result))
            .backoff(backoff)
            .inspect(move |result| {
                if matches!(result, Ok(Event::Init)) {
                    resyncs.mark_all_dirty();
                }
                let Err(error) = result else {
                    // A restarted watch has not succeeded yet.
                    fails &= matches!(result, Ok(Event::Init));
                    return;
                };
                metrics.watch_failed();
                if !std::mem::replace(&mut fails, true) {
                    tracing::warn!(%kind, %error, "a watch failed and is started again until it succeeds; if the kind is unknown, install it with `operator crd | kubectl apply --server-side -f -`");
                }
            })
            .boxed()
    }
}

/// Managed fields and annotations are the larger part of an object and are not used, except for the annotation of a held
/// Deployment.
fn prune_metadata<K>(object: &mut PartialObjectMeta<K>) {
    object.metadata.managed_fields = None;
    let mut annotations = object.metadata.annotations.take();
    let held = annotations.as_mut().and_then(|all| all.remove_entry(HELD_ANNOTATION));
    object.metadata.annotations = held.map(|held| [held].into());
}
