//! One hash on its way to a signature. It knows no caller, only whether somebody asks.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, sleep_until};

use super::{
    asked::{Answer, Call},
    gate::{Permit, Turn},
    key::Key,
    round,
    shared::Shared,
};
use crate::backend::{Again, BackendError};

/// Before the next attempts; then the last one for ever.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_secs(1),
];

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

/// Brings one hash to its end: a signature, a failure that is not tried again, or nobody who asks.
pub async fn run(shared: Arc<Shared>, key: Key, call: Arc<Call>, turn: Turn) {
    let mut entry = Entry {
        shared,
        key,
        call,
        answer: None,
    };
    entry.answer = Some(bring(&entry.shared, &entry.key, &entry.call, turn).await);
}

async fn bring(shared: &Arc<Shared>, key: &Key, call: &Arc<Call>, mut turn: Turn) -> Answer {
    let mut pauses = PAUSES.into_iter();
    let mut last_chance = false;
    loop {
        let Some(permit) = come(turn, call).await else {
            return Err(BackendError::Broken);
        };
        let fault = match round::run(shared, key, call).await {
            Ok(signature) => return Ok(signature),
            Err(fault) => fault,
        };
        drop(permit);
        match fault.cause.again() {
            Again::No => return Err(fault.into()),
            Again::Once if std::mem::replace(&mut last_chance, true) => return Err(fault.into()),
            Again::Once | Again::Yes => {}
        }
        sleep(pauses.next().unwrap_or(PAUSES[PAUSES.len() - 1])).await;
        if !call.is_asked_for() {
            return Err(fault.into());
        }
        turn = shared.gate.enter();
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
