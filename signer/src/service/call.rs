//! One hash on its way to a signature. It knows no caller, only whether somebody asks.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Key,
    gate::{Permit, Turn},
    remote::Shared,
    round,
};
use crate::backend::{Again, Backend, BackendError, Signature};

/// A hash that nobody asked for in this time is not sent again.
const MEMORY: Duration = Duration::from_secs(5);
/// Before the next attempts; then the last one for ever.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_secs(1),
];

type Answer = Result<Signature, BackendError>;

/// What callers see of a call.
#[derive(Debug)]
pub struct Call {
    asked: Mutex<Instant>,
    attempts: AtomicU32,
    answer: watch::Sender<Option<Answer>>,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            asked: Mutex::new(Instant::now()),
            attempts: AtomicU32::new(0),
            answer: watch::Sender::new(None),
        }
    }
}

impl Call {
    /// Somebody asks for it.
    pub fn ask(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// It was sent to the backend.
    pub fn count_attempt(&self) {
        self.attempts.fetch_add(1, Relaxed);
    }

    /// How often it was sent to the backend.
    pub fn attempts(&self) -> u32 {
        self.attempts.load(Relaxed)
    }

    /// Whether somebody asked for it lately.
    pub fn is_asked_for(&self) -> bool {
        Instant::now() < self.forgotten_at()
    }

    fn forgotten_at(&self) -> Instant {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) + MEMORY
    }

    /// Waits for the end.
    pub async fn answer(&self) -> Answer {
        let mut answer = self.answer.subscribe();
        let ended = answer.wait_for(Option::is_some).await;
        ended
            .map_or(None, |answer| answer.clone())
            .unwrap_or(Err(BackendError::Broken))
    }
}

/// Removes the call however its task ends, a panic included, and lets the callers know.
struct Entry<B: Backend> {
    shared: Arc<Shared<B>>,
    key: Key,
    call: Arc<Call>,
    answer: Option<Answer>,
}

impl<B: Backend> Drop for Entry<B> {
    fn drop(&mut self) {
        let answer = self.answer.take().unwrap_or(Err(BackendError::Broken));
        self.shared.close(&self.key, answer.as_ref().ok().copied());
        self.call.answer.send_replace(Some(answer));
    }
}

/// Brings one hash to its end: a signature, a failure that is not tried again, or nobody who asks.
pub async fn run<B: Backend>(shared: Arc<Shared<B>>, key: Key, call: Arc<Call>, turn: Turn) {
    let mut entry = Entry {
        shared,
        key,
        call,
        answer: None,
    };
    entry.answer = Some(bring(&entry.shared, &entry.key, &entry.call, turn).await);
}

async fn bring<B: Backend>(shared: &Arc<Shared<B>>, key: &Key, call: &Arc<Call>, mut turn: Turn) -> Answer {
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
