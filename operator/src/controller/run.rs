//! The triggers of a reconcile: the watches, and the binding that each event concerns. For time-based reconciles, see
//! `schedule`.

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crds::SignerBinding;
use crds::names::{DEPLOYMENT_LABEL, FIELD_MANAGER};
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::{FutureExt, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Pod, Service, ServiceAccount};
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Config, Controller, Error as QueueError};
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{PredicateConfig, WatchStreamExt, reflector, watcher};
use kube::{Client, Resource, ResourceExt};

use super::{error_policy, housekeeping, let_go, pods, reconcile};
use crate::cluster::Cluster;
use crate::cluster::stores::{Stores, Strays};
use crate::controller::apply::Writer;
use crate::controller::contest::Contest;
use crate::controller::context::Context;
use crate::controller::observe::Sources;
use crate::controller::pods::Answers;
use crate::controller::rollout_limit::RolloutLimit;
use crate::controller::schedule::Schedule;
use crate::controller::watches::mappers::{self, Mappers};
use crate::controller::watches::{self, Watches};
use crate::model::settings::Settings;
use crate::telemetry::Metrics;

type Guarded = DeserializeGuard<SignerBinding>;

/// Concurrent reconciles. More would only queue at the API server.
pub const CONCURRENCY: u16 = 8;

/// Builds the controller. Also returns the context, so that the caller can tell whether it is ready.
pub fn controller(
    client: Client,
    settings: Settings,
    max_rollouts: Option<NonZeroUsize>,
    metrics: Arc<Metrics>,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) -> (Arc<Context>, impl Future<Output = ()>) {
    let schedule = Schedule::default();
    let resyncs = schedule.resync.clone();
    let watches = Watches {
        client: client.clone(),
        scope: settings.scope.clone(),
        metrics: metrics.clone(),
        resyncs: resyncs.clone(),
    };
    let ours = format!("app.kubernetes.io/managed-by={FIELD_MANAGER}");
    let (services, service_writer) = reflector::store();
    let service_events = watches
        .metadata::<Service>(&watches::config().labels(&ours))
        .reflect(service_writer)
        .touched_objects();
    let (store, binding_writer) = reflector::store();
    let recorder = Recorder::new(client.clone(), reporter());
    let wake = Mappers {
        bindings: store.clone(),
        resyncs: resyncs.clone(),
    };
    let (wake_up, woken) = unbounded();
    let (pods, pod_writer) = reflector::store();
    let pod_events = watches
        .objects(&watches::config().labels(DEPLOYMENT_LABEL), pods::prune)
        .reflect(pod_writer)
        .inspect_ok(told_of_gone(wake.clone(), wake_up.clone()))
        .touched_objects()
        .predicate_filter(pods::what_matters, PredicateConfig::default());
    let (held, deployment_events) = watches::held::watch(&watches);
    let stores = Stores {
        bindings: store.clone(),
        pods: pods.clone(),
        services,
        held,
        strays: Strays::default(),
    };
    let cluster = Cluster::new(client);
    let answers = Answers::default();
    let sources = Sources::new(
        cluster.clone(),
        stores,
        answers.clone(),
        settings.surroundings.clone(),
        settings.scope.clone(),
    );
    let rollouts = RolloutLimit::new(max_rollouts, wake_up.clone());
    let among_operators = Contest::new(settings.operator.clone());
    let writer = Writer::new(cluster, among_operators, rollouts, recorder, metrics);
    let context = Arc::new(Context::new(sources, writer, schedule, settings));
    let stopping = context.stopping.clone();
    let stop = async move {
        stop.await;
        stopping.store(true, Ordering::SeqCst);
    }
    .shared();
    let stopped_unready = stopped_before_ready(stop.clone(), store.clone());
    let asking = pods::ask_all(pods, answers, tell_of_answer(store.clone(), wake_up.clone()));
    let binding_events = watches
        .objects(&watches::config(), |binding: &mut Guarded| {
            binding.meta_mut().managed_fields = None;
        })
        .inspect_ok(wake_sharers(wake.clone(), wake_up.clone()))
        .reflect(binding_writer)
        .inspect_ok(wake_neighbours(wake.clone(), wake_up))
        .applied_objects();
    let [by_deployment, by_service, by_pod, by_account, by_us] = std::array::from_fn(|_| wake.clone());
    let letting_go = let_go::run(context.clone());
    let running = Controller::for_stream(binding_events, store)
        .with_config(Config::default().concurrency(CONCURRENCY))
        .watches_stream(deployment_events.touched_objects(), move |deployment| {
            by_deployment.of_deployment(&deployment)
        })
        .watches_stream(service_events, move |service| by_service.of_service(&service))
        .watches_stream(pod_events, move |pod| by_pod.of_pod(&pod))
        .watches_stream(
            watches.metadata::<ServiceAccount>(&watches::config()).touched_objects(),
            move |account| by_account.of_account(&account),
        )
        .reconcile_on(woken.flat_map(move |binding| futures::stream::iter(by_us.told(vec![binding]))))
        .graceful_shutdown_on(stop)
        .run(reconcile, error_policy, context.clone())
        .for_each(async |result| {
            if let Err(error @ (QueueError::QueueError(_) | QueueError::RunnerError(_))) = result {
                tracing::error!(%error, "the queue of reconciles failed");
            }
        });
    let kept = context.clone();
    (context, async move {
        tokio::select! {
            () = running => {}
            () = housekeeping::run(&kept) => {}
            () = asking => {}
            () = letting_go => {}
            () = stopped_unready => {}
        }
    })
}

/// The reporter of Events.
fn reporter() -> Reporter {
    Reporter {
        controller: FIELD_MANAGER.to_owned(),
        instance: std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty()),
    }
}

/// Ends the controller if the operator stops before the bindings are listed. Nothing is under way then, and the queue would
/// otherwise wait for that list without end.
async fn stopped_before_ready(stop: impl Future<Output = ()>, bindings: Store<Guarded>) {
    stop.await;
    if bindings.wait_until_ready().now_or_never().is_some() {
        std::future::pending::<()>().await;
    }
}

/// Wakes the binding when a signer has given a new answer.
fn tell_of_answer(bindings: Store<Guarded>, wake_up: UnboundedSender<ObjectRef<Guarded>>) -> impl Fn(&Pod) {
    move |pod| {
        for binding in mappers::of_pod(&bindings, pod) {
            // The receiver is dropped when the operator stops.
            let _ = wake_up.unbounded_send(binding);
        }
    }
}

/// A deleted pod has no change to report, so it only wakes a binding that may have to withdraw a warning.
fn told_of_gone(wake: Mappers, wake_up: UnboundedSender<ObjectRef<Guarded>>) -> impl FnMut(&watcher::Event<Pod>) {
    move |event| {
        let watcher::Event::Delete(pod) = event else { return };
        for binding in wake.of_pod(pod) {
            let guarded = wake.bindings.get(&binding);
            let readable = guarded.as_ref().and_then(|guarded| guarded.0.as_ref().ok());
            let status = readable.and_then(|binding| binding.status.as_ref());
            if status.is_some_and(|status| !status.warnings.is_empty()) {
                // The receiver is dropped when the operator stops.
                let _ = wake_up.unbounded_send(binding);
            }
        }
    }
}

/// When a binding is created, deleted, or gets another key, bindings with the same key must add or withdraw a warning. They are
/// checked after the store has the change, because the stream that wakes them comes after the store.
fn wake_sharers(wake: Mappers, wake_up: UnboundedSender<ObjectRef<Guarded>>) -> impl FnMut(&watcher::Event<Guarded>) {
    move |event| {
        let (guarded, is_gone) = match event {
            watcher::Event::Apply(guarded) | watcher::Event::InitApply(guarded) => (guarded, false),
            watcher::Event::Delete(guarded) => (guarded, true),
            _ => return,
        };
        for sharer in wake.of_sharers(guarded, is_gone) {
            // The receiver is dropped when the operator stops.
            let _ = wake_up.unbounded_send(sharer);
        }
    }
}

/// When a binding changes or is deleted, another one may become responsible for a Deployment.
fn wake_neighbours(
    wake: Mappers,
    wake_up: UnboundedSender<ObjectRef<Guarded>>,
) -> impl FnMut(&watcher::Event<Guarded>) {
    move |event| {
        let (watcher::Event::Apply(guarded) | watcher::Event::InitApply(guarded) | watcher::Event::Delete(guarded)) =
            event
        else {
            return;
        };
        match event {
            watcher::Event::Delete(_) => wake.resyncs.forget(&ObjectRef::from_obj(guarded)),
            _ => wake
                .resyncs
                .is(&ObjectRef::from_obj(guarded), guarded.resource_version()),
        }
        if let Ok(binding) = &guarded.0 {
            for neighbour in wake.of_binding(binding) {
                // The receiver is dropped when the operator stops.
                let _ = wake_up.unbounded_send(neighbour);
            }
        }
    }
}
