//! One call to the backend, and what it says of it.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use super::{key::Key, shared::Shared};
use crate::backend::{BackendError, Cause, Fault, Signature, bounded, self_test_text, verify};

/// An attempt that takes longer is given up.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);
/// One call to the backend, bounded in time; its signature is verified. Whatever the call comes to, a panic too, is counted and
/// judged.
pub async fn attempt(shared: Arc<Shared>, key: Key) -> Result<Signature, Fault> {
    let start = Instant::now();
    let outstanding = shared.health.begin(start);
    shared.metrics.attempts.inc();
    let result = match bounded(ATTEMPT_LIMIT, shared.session.sign(&key)).await {
        Ok(result) => result.and_then(|signature| check(&shared, &key, signature)),
        Err(lost) => {
            // The connections may be dead, all of them, or the credentials.
            shared.session.renew();
            Err(lost.into())
        }
    };
    let (now, verdict) = (Instant::now(), result.as_ref().map(|_| ()));
    let cause = verdict.err().map(|fault| fault.cause);
    shared.metrics.count_signing(cause, now.duration_since(start));
    // Health first: whom the opened gate lets through finds the backend up.
    outstanding.end(verdict.map_err(Clone::clone), now);
    shared.judge(&key, verdict, now);
    result
}

fn check(shared: &Shared, key: &Key, signature: Signature) -> Result<Signature, Fault> {
    verify(shared.public_key, key, &signature)
        .map(|()| signature)
        .map_err(|error| Fault::new(Cause::Check, error.to_string()))
}

/// Signs a text of its own.
pub async fn self_test(shared: &Arc<Shared>) -> Result<(), Fault> {
    test(shared, &text()?).await.map(|_| ())
}

/// Signs a text of its own twice, and compares.
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
