//! A start that waits: the API opens once a remote key has signed, and not before; nothing but a permission or a key that
//! stays away ends it.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};

use super::error::{ServeError, expect};
use crate::{
    backend::{Backend, Cause, Clients, Fault, GcpConfig, GcpKey, PublicKeyError, remedy},
    config::Config,
    service::Remote,
    telemetry::{BackendHealth, BackendMetrics, Health},
};

const PAUSE: Duration = Duration::from_secs(2);
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// Between two lines about the same trouble.
const TELL: Duration = Duration::from_secs(10);

/// The key, once it has signed a self-test.
pub async fn prove(
    gcp: &GcpConfig,
    config: &Config,
    health: &Health,
    metrics: Arc<BackendMetrics>,
) -> Result<Remote<GcpKey>, ServeError> {
    let backend = Arc::<BackendHealth>::default();
    health.watch_backend(backend.clone());
    let clients = Clients::new(gcp.endpoint.clone());
    tokio::spawn(clients.clone().keep());
    clients.settle(PAUSE).await;
    let mut patience = Patience::new(config.startup_timeout);
    let key = loop {
        let now = Instant::now();
        let loaded = timeout(CALL_LIMIT, GcpKey::load(clients.clone(), &gcp.key_version)).await;
        let fault = match loaded {
            Ok(Ok(key)) => break key,
            Ok(Err(PublicKeyError::Fault(fault))) => fault,
            Ok(Err(error @ PublicKeyError::Algorithm(_))) => return Err(ServeError::Algorithm(error.to_string())),
            Err(_) => {
                clients.renew();
                Fault::new(Cause::Timeout, "no answer within 10 s")
            }
        };
        metrics.count_public_key(Some(fault.cause));
        backend.fail(fault.clone());
        patience.spend(fault, Instant::now())?;
        sleep_until(now + PAUSE).await;
    };
    metrics.count_public_key(None);
    expect(key.public_key(), config.expected_public_key)?;
    let remote = Remote::new(key, config.deadline, backend, metrics);
    loop {
        let now = Instant::now();
        match remote.self_test().await {
            Ok(()) => return Ok(remote),
            Err(fault) => patience.spend(fault, Instant::now())?,
        }
        sleep_until(now + PAUSE).await;
    }
}

/// How long what is waited for, and when it is told.
struct Patience {
    limit: Duration,
    refused: Option<Instant>,
    told: Option<Instant>,
}

impl Patience {
    const fn new(limit: Duration) -> Self {
        Self {
            limit,
            refused: None,
            told: None,
        }
    }

    /// Another try failed.
    fn spend(&mut self, fault: Fault, now: Instant) -> Result<(), ServeError> {
        let remedy = remedy(fault.cause);
        if self.told.is_none_or(|told| now.duration_since(told) >= TELL) {
            self.told = Some(now);
            tracing::warn!("the key cannot be used yet, trying again each 2 s: {fault}; {remedy}");
        }
        if !matches!(fault.cause, Cause::PermissionDenied | Cause::NotFound) {
            self.refused = None;
            return Ok(());
        }
        let waited = now.duration_since(*self.refused.get_or_insert(now));
        if waited < self.limit {
            return Ok(());
        }
        Err(ServeError::Refused { fault, remedy, waited })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_permission_or_a_key_that_stays_away_ends_the_start() {
        let start = Instant::now();
        let mut patience = Patience::new(Duration::from_mins(10));
        let mut spend = |cause: Cause, second: u64| {
            let result = patience.spend(Fault::new(cause, "scripted"), start + Duration::from_secs(second));
            result.map_err(|error| error.exit_code())
        };
        for second in (0..86_400).step_by(60) {
            assert_eq!(spend(Cause::Unavailable, second), Ok(()));
        }
        assert_eq!(spend(Cause::PermissionDenied, 86_400), Ok(()));
        assert_eq!(spend(Cause::NotFound, 86_999), Ok(()));
        assert_eq!(spend(Cause::PermissionDenied, 87_000), Err(77));
    }
}
