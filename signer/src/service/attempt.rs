//! One call to the backend, and its effect on the backend's health.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use super::{key::Key, shared::Shared};
use crate::backend::{BackendError, Cause, Fault, Signature, bounded, self_test_text, verify};

/// An attempt that takes longer is cancelled.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);

/// One call to the backend, with a time limit. Its signature is verified. Every result, including a panic, is counted and judged.
pub async fn attempt(shared: Arc<Shared>, key: Key) -> Result<Signature, Fault> {
    let start = Instant::now();
    let outstanding = shared.health.begin(start);
    let sent = shared.metrics.send(start);
    let result = match bounded(ATTEMPT_LIMIT, shared.session.sign(&key)).await {
        Ok(result) => result.and_then(|signature| check(&shared, &key, signature)),
        Err(lost) => {
            // All connections or the credentials may be stale.
            shared.session.renew();
            Err(lost.into())
        }
    };
    let (now, verdict) = (Instant::now(), result.as_ref().map(|_| ()));
    let cause = verdict.err().map(|fault| fault.cause);
    sent.end(cause, now);
    // Health first: requests that the opened gate admits must find the backend up.
    outstanding.end(verdict.map_err(Clone::clone), now);
    shared.judge(&key, verdict, now);
    result
}

fn check(shared: &Shared, key: &Key, signature: Signature) -> Result<Signature, Fault> {
    verify(shared.public_key, key, &signature)
        .map(|()| signature)
        .map_err(|error| Fault::new(Cause::Check, error.to_string()))
}

/// Signs a self-test.
pub async fn self_test(shared: &Arc<Shared>) -> Result<(), Fault> {
    test(shared, &text()?).await.map(|_| ())
}

/// Signs a self-test twice, and compares.
pub async fn compare(shared: &Arc<Shared>) -> Result<(), BackendError> {
    let (generation, text) = (shared.session.generation(), text()?);
    let first = test(shared, &text).await?;
    let second = test(shared, &text).await?;
    shared.compared.store(generation, Relaxed);
    if first == second {
        return Ok(());
    }
    Err(BackendError::Differs)
}

fn text() -> Result<Key, Fault> {
    let text = self_test_text().map_err(|error| Fault::new(Cause::Other, error.to_string()))?;
    Ok(Key::from(text))
}

async fn test(shared: &Arc<Shared>, text: &Key) -> Result<Signature, Fault> {
    shared.metrics.self_tests.inc();
    attempt(shared.clone(), text.clone()).await
}
