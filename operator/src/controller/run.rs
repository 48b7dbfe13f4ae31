//! The watches, and which binding each of them wakes.

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crds::SignerBinding;
use crds::names::{DEPLOYMENT_LABEL, FIELD_MANAGER};
use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service, ServiceAccount};
use kube::api::PartialObjectMeta;
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Config, Controller, Error as QueueError};
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::utils::Backoff;
use kube::runtime::{PredicateConfig, WatchStreamExt, reflector, watcher};
use kube::{Api, Client, ResourceExt};

use super::apply::rollouts::Rollouts;
use super::backoff::jitter;
use super::context::{Context, Watched};
use super::validate::Settings;
use super::{error_policy, pods, reconcile, wake};
use crate::telemetry::Metrics;

type Guarded = DeserializeGuard<SignerBinding>;

/// Reconciles at once; more would only queue at the API server.
const CONCURRENCY: u16 = 8;

/// Shorter than the idle timeouts of common load balancers, which would leave a watch dead without a word.
const WATCH_SECONDS: u32 = 200;

fn watch() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_SECONDS)
}

/// Builds the controller. The context is given out as well, so that others can tell whether it is ready.
pub fn controller(
    client: Client,
    settings: Settings,
    max_rollouts: Option<NonZeroUsize>,
    metrics: Arc<Metrics>,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) -> (Arc<Context>, impl Future<Output = ()>) {
    let bindings: Api<Guarded> = Api::all(client.clone());
    let deployments: Api<PartialObjectMeta<Deployment>> = Api::all(client.clone());
    let accounts: Api<PartialObjectMeta<ServiceAccount>> = Api::all(client.clone());
    let ours = format!("app.kubernetes.io/managed-by={FIELD_MANAGER}");
    let (services, service_writer) = reflector::store();
    let service_events = watcher(
        Api::<PartialObjectMeta<Service>>::all(client.clone()),
        watch().labels(&ours),
    )
    .reflect(service_writer)
    .touched_objects();

    let controller = Controller::new(bindings.clone(), watch());
    let store = controller.store();
    let recorder = Recorder::new(
        client.clone(),
        Reporter {
            controller: FIELD_MANAGER.to_owned(),
            instance: std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty()),
        },
    );
    let (pods, pod_writer) = reflector::store();
    let of_pods = watch().labels(DEPLOYMENT_LABEL);
    let pod_events = watcher(Api::<Pod>::all(client.clone()), of_pods)
        .modify(pods::prune)
        .reflect(pod_writer)
        .touched_objects()
        .predicate_filter(pods::what_matters, PredicateConfig::default());
    let (wake_up, woken) = futures::channel::mpsc::unbounded();
    let context = Context::new(
        client,
        Watched {
            bindings: store.clone(),
            pods: pods.clone(),
            services,
        },
        settings,
        metrics.clone(),
        recorder,
        Rollouts::new(max_rollouts, wake_up.clone()),
    );
    let context = Arc::new(context);
    let asking = pods::ask_all(pods, context.answers.clone(), store.clone(), wake_up);
    let counted = metrics;
    let by_deployment = store.clone();
    let by_service = store.clone();
    let by_pod = store.clone();
    let by_account = store.clone();
    let running = controller
        .with_config(Config::default().concurrency(CONCURRENCY))
        .trigger_backoff(WatchBackoff::default())
        .watches(deployments, watch(), move |deployment| {
            wake::of_deployment(
                &by_deployment,
                deployment.namespace().as_deref(),
                &deployment.name_any(),
                deployment.labels(),
            )
        })
        .watches_stream(service_events, move |service| {
            let namespace = service.namespace();
            let owners = service.owner_references().iter().filter(|owner| owner.kind == "Deployment");
            owners
                .flat_map(|owner| wake::of_service(&by_service, namespace.as_deref(), &owner.name))
                .collect::<Vec<_>>()
        })
        .watches_stream(pod_events, move |pod| {
            wake::of_pod(&by_pod, pod.namespace().as_deref(), pods::label(&pod))
        })
        .watches(accounts, watch(), move |account| {
            wake::of_account(&by_account, account.namespace().as_deref())
        })
        .reconcile_on(woken)
        // When a binding goes, another one that waited for its Deployment may have its turn.
        .watches(bindings, watch(), move |binding| match &binding.0 {
            Ok(binding) => wake::of_binding(&store, binding),
            Err(_) => vec![],
        })
        .graceful_shutdown_on(stop)
        .run(reconcile, error_policy, context.clone())
        .for_each(move |result| {
            if let Err(QueueError::QueueError(error)) = result {
                counted.watch_failed();
                tracing::warn!(%error, "a watch failed and is started again; if the kind is unknown, install it with `operator crd | kubectl apply --server-side -f -`");
            }
            std::future::ready(())
        });
    (context, async move {
        tokio::select! {
            () = running => {}
            () = asking => {}
        }
    })
}

/// One failing watch holds up all of them, so the wait stays short.
#[derive(Default)]
struct WatchBackoff(u32);

impl Iterator for WatchBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0 = (self.0 + 1).min(5);
        Some(jitter(Duration::from_millis(100 * (1 << self.0))))
    }
}

impl Backoff for WatchBackoff {
    fn reset(&mut self) {
        self.0 = 0;
    }
}
