//! What every reconcile shares.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crds::SignerBinding;
use kube::Client;
use kube::core::DeserializeGuard;
use kube::runtime::events::Recorder;
use kube::runtime::reflector::Store;

use super::apply::memory::Memory;
use super::backoff::Backoff;
use super::error::Error;
use super::token::Fingerprints;
use super::validate::Settings;
use crate::telemetry::Metrics;

/// No single request may hold a reconcile longer.
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// What every reconcile shares.
#[derive(Clone)]
pub struct Context {
    pub client: Client,
    pub bindings: Store<DeserializeGuard<SignerBinding>>,
    pub settings: Arc<Settings>,
    pub metrics: Arc<Metrics>,
    pub recorder: Recorder,
    pub fingerprints: Fingerprints,
    pub memory: Memory,
    pub backoff: Backoff,
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
