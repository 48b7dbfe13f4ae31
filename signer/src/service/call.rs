//! Gets one hash signed. It does not know its callers, only whether the hash is still requested.

use std::sync::Arc;

use tokio::time::{sleep, sleep_until};

use super::{
    asked::{Answer, Call},
    gate::{Permit, Turn},
    key::Key,
    round,
    shared::Shared,
    tries::Tries,
};
use crate::backend::BackendError;

/// Removes the call when its task ends, even by a panic, and notifies the callers.
struct Entry {
    shared: Arc<Shared>,
    key: Key,
    call: Arc<Call>,
    answer: Option<Answer>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let answer = self.answer.take().unwrap_or(Err(BackendError::Broken));
        self.shared.close(&self.key, answer.as_ref().ok().copied());
        self.call.end(answer);
    }
}

/// How a call begins.
#[derive(Debug)]
pub enum Begin {
    /// With a place in the queue.
    Now(Turn),
    /// After a recent refusal, whose attempts still count.
    Rested(Tries),
}

/// Runs until the hash has a signature or a final failure, or is no longer requested.
pub async fn run(shared: Arc<Shared>, key: Key, call: Arc<Call>, begin: Begin) {
    let mut entry = Entry {
        shared,
        key,
        call,
        answer: None,
    };
    entry.answer = Some(bring(&entry.shared, &entry.key, &entry.call, begin).await);
}

async fn bring(shared: &Arc<Shared>, key: &Key, call: &Call, begin: Begin) -> Answer {
    let (mut turn, mut tries) = match begin {
        Begin::Now(turn) => (turn, Tries::default()),
        Begin::Rested(tries) => {
            if let Some(moment) = tries.rests_until() {
                sleep_until(moment).await;
            }
            (shared.gate.enter(), tries)
        }
    };
    // A failed hash keeps its place before all later ones.
    let ticket = turn.ticket();
    loop {
        let Some(permit) = come(turn, call).await else {
            return Err(BackendError::Broken);
        };
        let fault = match round::run(shared, key, call, &mut tries).await {
            Ok(signature) => return Ok(signature),
            Err(fault) => fault,
        };
        drop(permit);
        let Some(pause) = tries.after(fault.cause) else {
            shared.book().refused.put(key.clone(), tries);
            return Err(fault.into());
        };
        sleep(pause).await;
        if !call.is_asked_for() {
            return Err(fault.into());
        }
        turn = shared.gate.enter_again(ticket);
    }
}

/// Waits for the permit while the hash is requested.
async fn come(mut turn: Turn, call: &Call) -> Option<Permit> {
    loop {
        let forgotten = call.forgotten_at();
        tokio::select! {
            biased;
            permit = turn.come() => return permit.filter(|_| call.is_asked_for()),
            () = sleep_until(forgotten) => {
                if !call.is_asked_for() {
                    return None;
                }
            }
        }
    }
}
