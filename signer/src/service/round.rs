//! One stay of a hash at the backend: an attempt, and further ones while it does not answer.

use std::{
    future::pending,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use super::{Key, call::Call, remote::Shared};
use crate::backend::{Backend, BackendError, Cause, Fault, Signature, verify};

/// An attempt that takes longer is given up.
pub const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);
/// When a second attempt may bring the answer sooner.
const HEDGE_AFTER: Duration = Duration::from_millis(300);
/// When an attempt is likely to hang: its connection may be dead.
const SIBLING_AFTER: Duration = Duration::from_secs(2);
const MAX_ALIVE: usize = 3;

/// The first signature of up to three attempts, or what the last one failed with.
pub async fn run<B: Backend>(shared: &Arc<Shared<B>>, key: &Key, call: &Call) -> Result<Signature, Fault> {
    let start = Instant::now();
    let (mut hedge_at, mut sibling_at) = (Some(start + HEDGE_AFTER), start + SIBLING_AFTER);
    let mut alive = JoinSet::new();
    let hedges = || shared.hedges.lock().unwrap_or_else(PoisonError::into_inner);
    hedges().count_call();
    let send = |alive: &mut JoinSet<_>| {
        call.count_attempt();
        alive.spawn(attempt(shared.clone(), key.clone()));
    };
    send(&mut alive);
    loop {
        let hedge = async {
            match hedge_at {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        };
        tokio::select! {
            ended = alive.join_next() => {
                let failed = match ended {
                    Some(Ok(Ok(signature))) => return Ok(signature),
                    Some(Ok(Err(fault))) => fault,
                    // Told by the panic's hook already.
                    Some(Err(_)) | None => Fault::new(Cause::Other, "an attempt ended in a defect of the signer"),
                };
                if alive.is_empty() {
                    return Err(failed);
                }
            }
            () = hedge => {
                hedge_at = None;
                if alive.len() < MAX_ALIVE && hedges().take(Instant::now()) {
                    shared.metrics.hedges.inc();
                    send(&mut alive);
                }
            }
            () = sleep_until(sibling_at), if alive.len() < MAX_ALIVE => {
                sibling_at = Instant::now() + SIBLING_AFTER;
                if call.is_asked_for() {
                    shared.metrics.siblings.inc();
                    send(&mut alive);
                }
            }
        }
    }
}

/// One call to the backend, bounded in time; its signature is verified.
pub async fn attempt<B: Backend>(shared: Arc<Shared<B>>, key: Key) -> Result<Signature, Fault> {
    let start = Instant::now();
    let outstanding = shared.health.begin(start);
    shared.metrics.attempts.inc();
    let result = match timeout(ATTEMPT_LIMIT, shared.backend.sign(&key)).await {
        Ok(Ok(signature)) => check(&shared, &key, signature),
        Ok(Err(BackendError::Fault(fault))) => Err(fault),
        Ok(Err(error)) => Err(Fault::new(Cause::Other, error.to_string())),
        Err(_) => {
            // The connections may be dead, all of them.
            shared.backend.renew();
            Err(Fault::new(Cause::Timeout, "no answer within 10 s"))
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

fn check<B: Backend>(shared: &Shared<B>, key: &Key, signature: Signature) -> Result<Signature, Fault> {
    verify(shared.public_key, key, &signature)
        .map(|()| signature)
        .map_err(|error| Fault::new(Cause::Check, error.to_string()))
}
