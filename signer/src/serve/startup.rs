//! The start with a remote key: the API opens only after the key has signed. Only a persistent refusal of permission or key ends
//! the start.

use std::{borrow::Cow, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    error::{ServeError, expect},
    essential::essential,
};
use crate::{
    backend::{BackendError, Cause, Fault, LoadError, Location, bounded},
    config::Config,
    service::{Remote, first_answer},
    telemetry::{BackendHealth, BackendMetrics, Health},
};

const PAUSE: Duration = Duration::from_secs(2);
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// Time between two log lines about the same failure.
const TELL: Duration = Duration::from_secs(10);

/// The key, once it has signed a self-test.
pub async fn prove(
    location: &dyn Location,
    config: &Config,
    health: &Arc<Health>,
    metrics: Arc<BackendMetrics>,
) -> Result<Remote, ServeError> {
    let backend = Arc::<BackendHealth>::default();
    health.watch_backend(backend.clone());
    let session = location.open();
    essential(health, "the upkeep of the backend's client", session.clone().upkeep());
    session.settled(PAUSE).await;
    let mut patience = Patience::new(config.startup_timeout);
    let public_key = loop {
        let now = Instant::now();
        let load = || {
            let session = session.clone();
            async move { bounded(CALL_LIMIT, session.load()).await }
        };
        let fault = match first_answer(load).await {
            Ok(Ok(loaded)) => break loaded.public_key,
            Ok(Err(LoadError::Fault(fault))) => fault,
            Ok(Err(LoadError::Never(reason))) => return Err(ServeError::NeverKey(reason)),
            Err(lost) => {
                session.renew();
                lost.into()
            }
        };
        metrics.count_public_key(Some(fault.cause));
        backend.fail(fault.clone());
        patience.spend(fault, |cause| session.remedy(cause), Instant::now())?;
        sleep_until(now + PAUSE).await;
    };
    metrics.count_public_key(None);
    expect(public_key, config.expected_public_key)?;
    let remote = Remote::new(session.clone(), public_key, config.deadline, backend, metrics);
    loop {
        let now = Instant::now();
        match remote.prove().await {
            Ok(()) => return Ok(remote),
            Err(BackendError::Fault(fault)) => patience.spend(fault, |cause| session.remedy(cause), Instant::now())?,
            Err(error) => return Err(error.into()),
        }
        sleep_until(now + PAUSE).await;
    }
}

/// Records how long a failure has lasted, and when it is logged.
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

    /// Records another failed attempt.
    fn spend(
        &mut self,
        fault: Fault,
        remedy: impl FnOnce(Cause) -> Cow<'static, str>,
        now: Instant,
    ) -> Result<(), ServeError> {
        let remedy = remedy(fault.cause);
        if self.told.is_none_or(|told| now.duration_since(told) >= TELL) {
            self.told = Some(now);
            tracing::warn!("the key cannot be used yet, trying again every 2 s: {fault}; {remedy}");
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
            let result = patience.spend(
                Fault::new(cause, "scripted"),
                |_| "wait".into(),
                start + Duration::from_secs(second),
            );
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
