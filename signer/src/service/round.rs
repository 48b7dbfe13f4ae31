//! One visit of a hash to the backend: an attempt, and further ones while it does not answer.

use std::{
    future::pending,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::{
    alive::{Alive, Ended, SIBLING_AFTER},
    asked::Call,
    attempt::attempt,
    key::Key,
    shared::Shared,
    tries::Tries,
};
use crate::backend::{Cause, Fault, Signature};

/// After this time a second attempt may be faster.
const HEDGE_AFTER: Duration = Duration::from_millis(300);
/// How long a sibling waits for a new client, which takes some milliseconds. In doubt it is sent with the old one.
const RENEWAL: Duration = Duration::from_millis(100);
/// How often a failed hash with a running attempt checks the breaker.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// The attempts of one visit, and when further ones follow.
struct Round<'a> {
    shared: &'a Arc<Shared>,
    key: &'a Key,
    call: &'a Call,
    tries: &'a mut Tries,
    alive: Alive<Result<(Signature, Duration), Fault>>,
    hedge_at: Option<Instant>,
    retry_at: Option<Instant>,
    sibling_at: Instant,
    /// When the sibling that waits for a new client is sent.
    renewed_at: Option<Instant>,
}

/// The first signature of up to three attempts, or the last failure.
pub async fn run(shared: &Arc<Shared>, key: &Key, call: &Call, tries: &mut Tries) -> Result<Signature, Fault> {
    shared
        .hedges
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .count_call();
    let now = Instant::now();
    let mut round = Round {
        shared,
        key,
        call,
        tries,
        alive: Alive::new(),
        hedge_at: Some(now + HEDGE_AFTER),
        retry_at: None,
        sibling_at: now + SIBLING_AFTER,
        renewed_at: None,
    };
    round.send();
    round.end().await
}

impl Round<'_> {
    async fn end(mut self) -> Result<Signature, Fault> {
        loop {
            // In this order, so that a repeated test behaves identically.
            tokio::select! {
                biased;
                Some(ended) = self.alive.next() => {
                    let failed = match ended {
                        Ended::Answered(Ok((signature, took))) => {
                            self.call.note_signed(took);
                            return Ok(signature);
                        }
                        Ended::Answered(Err(fault)) => fault,
                        Ended::Panicked => Fault::new(Cause::Other, "an attempt ended in a defect of the signer"),
                        Ended::GivenUp => {
                            self.send_sibling();
                            continue;
                        }
                    };
                    if self.alive.is_empty() {
                        return Err(failed);
                    }
                    self.fail(failed.cause);
                }
                () = reached(self.hedge_at) => self.hedge(),
                () = reached(self.renewed_at) => self.make_sibling(),
                () = reached(self.retry_at) => self.retry(),
                () = sleep_until(self.sibling_at) => self.sibling(),
            }
        }
    }

    /// Another attempt is still running, and may hang.
    fn fail(&mut self, cause: Cause) {
        // An attempt that hung already has its siblings.
        if cause != Cause::Timeout && self.retry_at.is_none() {
            self.retry_at = self.tries.after(cause).map(|pause| Instant::now() + pause);
        }
    }

    fn hedge(&mut self) {
        self.hedge_at = None;
        if self.alive.is_full() || self.tries.is_hedged() {
            return;
        }
        let mut hedges = self.shared.hedges.lock().unwrap_or_else(PoisonError::into_inner);
        if hedges.take(Instant::now()) {
            drop(hedges);
            self.tries.hedge();
            self.shared.metrics.hedges.inc();
            self.spawn();
        }
    }

    fn retry(&mut self) {
        self.retry_at = None;
        // A sibling that waits for a new client is the next attempt.
        if self.alive.is_full() || self.renewed_at.is_some() {
            return;
        }
        // While the backend fails for all, the running attempts are sufficient as probes.
        if self.shared.gate.is_open() || !self.call.is_asked_for() {
            self.retry_at = Some(Instant::now() + CLOSED_WITHIN);
        } else {
            self.send();
        }
    }

    fn sibling(&mut self) {
        let (now, sent) = (Instant::now(), self.sibling_at - SIBLING_AFTER);
        self.sibling_at = now + SIBLING_AFTER;
        if !self.call.is_asked_for() {
            return;
        }
        if self.shared.health.last_success().is_none_or(|success| success < sent) {
            // A sibling on a dead connection would hang as well.
            self.shared.session.renew();
            self.renewed_at = Some(now + RENEWAL);
        } else {
            self.make_sibling();
        }
    }

    /// Sends a sibling, once there is room for it.
    fn make_sibling(&mut self) {
        self.renewed_at = None;
        if self.alive.is_full() {
            self.alive.give_up_one();
        } else {
            self.send_sibling();
        }
    }

    fn send_sibling(&mut self) {
        if self.alive.is_full() {
            return;
        }
        self.shared.metrics.siblings.inc();
        self.retry_at = None;
        self.spawn();
    }

    /// Sends the first attempt, or one that follows a failure. Its siblings follow in their turn.
    fn send(&mut self) {
        self.sibling_at = Instant::now() + SIBLING_AFTER;
        self.spawn();
    }

    fn spawn(&mut self) {
        self.call.count_attempt();
        self.tries.send();
        let attempt = attempt(self.shared.clone(), self.key.clone());
        self.alive.send(async {
            let start = Instant::now();
            attempt.await.map(|signature| (signature, start.elapsed()))
        });
    }
}

async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
