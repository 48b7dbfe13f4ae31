//! One stay of a hash at the backend: an attempt, and further ones while it does not answer.

use std::{
    future::pending,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{asked::Call, attempt::attempt, key::Key, shared::Shared};
use crate::backend::{Cause, Fault, Signature};

/// When a second attempt may bring the answer sooner.
const HEDGE_AFTER: Duration = Duration::from_millis(300);
/// When an attempt is likely to hang: its connection may be dead.
const SIBLING_AFTER: Duration = Duration::from_secs(2);
const MAX_ALIVE: usize = 3;

/// The first signature of up to three attempts, or what the last one failed with.
pub async fn run(shared: &Arc<Shared>, key: &Key, call: &Call) -> Result<Signature, Fault> {
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
