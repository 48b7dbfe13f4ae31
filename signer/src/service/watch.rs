//! Sends probes while the breaker is open, and self-tests while the backend is idle or down.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{
    attempt::{compare, self_test},
    shared::Shared,
};
use crate::backend::{BackendError, Cause, Fault};

const TICK: Duration = Duration::from_millis(500);
/// Time after the last signature or test.
const IDLE: Duration = Duration::from_secs(30);
const DOWN: Duration = Duration::from_secs(2);

/// Checks twice a second. Never ends.
pub async fn keep(shared: Arc<Shared>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is immediate.
    ticks.tick().await;
    let mut tested = Instant::now();
    loop {
        let now = ticks.tick().await;
        let (at_backend, waiting) = shared.gate.counts();
        shared.metrics.show_queue(at_backend, waiting);
        let is_up = shared.health.is_up(now);
        let is_new = shared.session.generation() != shared.compared.load(Relaxed);
        let is_due = if shared.gate.is_open() {
            !shared.gate.probe()
        } else if is_up && !is_new {
            now.duration_since(shared.health.last_success().unwrap_or(tested).max(tested)) >= IDLE
        } else {
            now.duration_since(tested) >= DOWN
        };
        if is_due {
            tested = now;
            let shared = shared.clone();
            // The result is judged like that of every attempt.
            tokio::spawn(async move {
                if !is_new {
                    let _ = self_test(&shared).await;
                } else if let Err(error @ BackendError::Differs) = compare(&shared).await {
                    tracing::error!("a new client of the key service: {error}; creating another one");
                    shared.health.fail(Fault::new(Cause::Check, error.to_string()));
                    shared.session.renew();
                }
            });
        }
    }
}
