//! One hash on its way to a signature. It knows no caller, only whether somebody asks.

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

/// Removes the call however its task ends, a panic included, and lets the callers know.
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
    /// It was refused a moment ago, and what was tried then still counts.
    Rested(Tries),
}

/// Brings one hash to its end: a signature, a failure that is not tried again, or nobody who asks.
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
    // A hash that failed is no newcomer: it keeps its place before all that came after it.
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

/// Waits for the permit while somebody asks for the hash.
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
