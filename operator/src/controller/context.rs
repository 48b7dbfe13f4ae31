//! What every reconcile shares.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crds::SignerBinding;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Client;
use kube::api::PartialObjectMeta;
use kube::core::DeserializeGuard;
use kube::runtime::events::Recorder;
use kube::runtime::reflector::Store;

use crate::controller::ledger::Memory;
use crate::controller::pods::{Answers, Owners};
use crate::controller::rollout_limit::Rollouts;
use crate::controller::schedule::backoff::Backoff;
use crate::controller::schedule::cooldown::Rests;
use crate::controller::schedule::resync::Unwatched;
use crate::controller::token::Fingerprints;
use crate::model::error::Error;
use crate::model::settings::Settings;
use crate::telemetry::Metrics;

/// No single request may hold a reconcile longer.
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// How long a reconcile waits for the first list of pods.
const PODS_WITHIN: Duration = Duration::from_secs(5);

/// What the watches have brought.
pub struct Watched {
    pub bindings: Store<DeserializeGuard<SignerBinding>>,
    pub pods: Store<Pod>,
    pub services: Store<PartialObjectMeta<Service>>,
    pub unwatched: Unwatched,
}

/// What every reconcile shares.
#[derive(Clone)]
pub struct Context {
    pub client: Client,
    pub bindings: Store<DeserializeGuard<SignerBinding>>,
    pub pods: Store<Pod>,
    /// Those that the operator has made.
    pub services: Store<PartialObjectMeta<Service>>,
    pub owners: Owners,
    pub answers: Answers,
    pub settings: Arc<Settings>,
    pub metrics: Arc<Metrics>,
    pub recorder: Recorder,
    pub fingerprints: Fingerprints,
    pub memory: Memory,
    pub rollouts: Rollouts,
    pub backoff: Backoff,
    pub rests: Rests,
    pub unwatched: Unwatched,
    /// Set once the operator is to end.
    pub stopping: Arc<AtomicBool>,
}

impl Context {
    /// Nothing is remembered yet.
    pub fn new(
        client: Client,
        watched: Watched,
        settings: Settings,
        metrics: Arc<Metrics>,
        recorder: Recorder,
        rollouts: Rollouts,
    ) -> Self {
        let Watched {
            bindings,
            pods,
            services,
            unwatched,
        } = watched;
        Self {
            client,
            bindings,
            pods,
            services,
            settings: Arc::new(settings),
            metrics,
            recorder,
            owners: Owners::default(),
            answers: Answers::default(),
            fingerprints: Fingerprints::default(),
            memory: Memory::default(),
            rollouts,
            backoff: Backoff::default(),
            rests: Rests::default(),
            unwatched,
            stopping: Arc::default(),
        }
    }

    /// Waits for the first lists. Without the bindings nobody knows who came first; without the pods only a status would be
    /// poorer, so they are not waited for long.
    ///
    /// # Errors
    /// Fails if the operator is about to end.
    pub async fn watches_are_ready(&self) -> Result<(), Error> {
        self.bindings.wait_until_ready().await.map_err(Error::NotSynced)?;
        match tokio::time::timeout(PODS_WITHIN, self.pods.wait_until_ready()).await {
            Ok(ready) => ready.map_err(Error::NotSynced),
            Err(_) => Ok(()),
        }
    }
}

/// Runs one request under the deadline that every request of a reconcile has.
///
/// # Errors
/// The request's own error, or that it took too long.
pub async fn deadline<T>(
    attempt: &'static str,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    within(CALL_DEADLINE, attempt, request).await
}

/// Runs one request under a deadline.
///
/// # Errors
/// The request's own error, or that it took too long.
pub async fn within<T>(
    limit: Duration,
    attempt: &'static str,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, request).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(Error::Request {
            attempt,
            source: Box::new(source),
        }),
        Err(_) => Err(Error::Deadline {
            attempt,
            seconds: limit.as_secs(),
        }),
    }
}
