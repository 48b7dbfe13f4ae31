//! Creates all clients. A client of a key service can be discarded: its credentials may give up permanently, wait without end, or
//! panic. Therefore a new client replaces a failing one, once the new one has its credentials.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Waker},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    bounds::{Lost, bounded},
    fault::{Cause, Fault},
    generation::{Generation, Held},
};

/// Time limit for creating a client, or for checking its credentials.
const LIMIT: Duration = Duration::from_secs(10);
/// How often a client is checked, which costs nothing while its credentials are valid.
const CHECK: Duration = Duration::from_secs(5);
/// Pauses between clients: 5 s for the first minute, then increasing.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(40),
    Duration::from_mins(1),
];
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Maximum pause while there is no usable client: nothing is signed, and no call can detect that the service is back.
const WITHOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSES: usize = 12;
/// A missing answer is reported this long after its request at the earliest, so the report concerns only clients that are at least this old.
const TOLD_AFTER: Duration = Duration::from_secs(2);
/// A client with this lifetime had no trouble.
const CALM: Duration = Duration::from_mins(2);

/// Creates the clients of a vendor. Neither call limits its time: [`Upkeep::run`] does. Tasks that they spawn end with the
/// client.
pub trait Maker: Send + Sync {
    /// A client with its credentials. Clones are the same client.
    type Client: Clone + Send + Sync;

    /// Creates another client, with new credentials if there are no valid ones.
    fn make(&self, step: &Step) -> impl Future<Output = Result<Self::Client, Fault>> + Send;

    /// Whether the credentials of this client are still valid.
    fn check(&self, client: &Self::Client, step: &Step) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The pending step, named by its missing result as a message shows it: “no token”.
#[derive(Debug)]
pub struct Step(Mutex<&'static str>);

impl Default for Step {
    fn default() -> Self {
        Self(Mutex::new("no answer"))
    }
}

impl Step {
    /// Sets the step that is pending from now on.
    pub fn set(&self, missing: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = missing;
    }

    fn missing(&self) -> &'static str {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client in use.
#[derive(Debug)]
pub struct Upkeep<C> {
    current: RwLock<Result<Held<C>, Fault>>,
    generation: AtomicU64,
    stale: Notify,
    changed: Notify,
}

impl<C: Clone + Send + Sync> Upkeep<C> {
    /// No client yet, for this reason. [`Upkeep::run`] creates clients.
    pub fn new(reason: Fault) -> Self {
        Self {
            current: RwLock::new(Err(reason)),
            generation: AtomicU64::new(0),
            stale: Notify::new(),
            changed: Notify::new(),
        }
    }

    /// The client in use, or why there is none.
    pub fn current(&self) -> Result<Held<C>, Fault> {
        self.read().clone()
    }

    /// The number of clients in use so far.
    pub fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    /// Waits until there is a client or a reason for its absence, at most for this long.
    pub async fn settled(&self, limit: Duration) {
        let changed = self.changed.notified();
        if self.read().is_err() {
            // After the limit, the caller gets the reason from `current`.
            let _ = timeout(limit, changed).await;
        }
    }

    /// Replaces the client, because its connections or credentials may be stale. Ignored for a client that is younger than the
    /// call that reports this.
    pub fn renew(&self) {
        if let Ok(current) = &*self.read()
            && current.since().elapsed() >= TOLD_AFTER
        {
            self.stale.notify_one();
        }
    }

    /// Replaces this client, because its connections or credentials are stale. Ignored if another client is already in use.
    pub fn renew_after(&self, client: &Held<C>) {
        // Under the lock, so that the client is not replaced in between.
        if let Ok(current) = &*self.read()
            && current.is(client)
        {
            self.stale.notify_one();
        }
    }

    /// Creates clients, one after the other, for as long as the program runs.
    pub async fn run<M: Maker<Client = C>>(&self, maker: &M) {
        let mut in_a_row = 0;
        loop {
            let start = Instant::now();
            match make(maker).await {
                Ok(client) => {
                    self.take_over(client.clone());
                    self.watch(maker, &client).await;
                }
                Err(fault) => self.fail(maker, fault).await,
            }
            in_a_row = if start.elapsed() >= CALM { 0 } else { in_a_row + 1 };
            self.rest(maker, start, pause(in_a_row)).await;
        }
    }

    /// Returns when another client is needed.
    async fn watch<M: Maker<Client = C>>(&self, maker: &M, client: &Held<C>) {
        loop {
            tokio::select! {
                () = self.stale.notified() => return,
                () = sleep(CHECK) => {}
            }
            if !is_valid(maker, client).await {
                return;
            }
        }
    }

    /// Waits for the rest of the pause between the last client, which was started then, and the next one. The client in use may
    /// become unusable meanwhile, which shortens the pause.
    async fn rest<M: Maker<Client = C>>(&self, maker: &M, start: Instant, pause: Duration) {
        let end = start + pause;
        if let Ok(client) = self.current() {
            loop {
                sleep_until(end.min(Instant::now() + CHECK)).await;
                if Instant::now() >= end {
                    return;
                }
                if !is_valid(maker, &client).await {
                    break;
                }
            }
        }
        sleep_until(start + pause.min(WITHOUT)).await;
    }

    fn take_over(&self, client: Held<C>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // Trouble of the previous client is no reason to replace this one.
        let _ = pin!(self.stale.notified()).poll(&mut Context::from_waker(Waker::noop()));
        *current = Ok(client);
        self.generation.fetch_add(1, Relaxed);
        drop(current);
        self.changed.notify_waiters();
    }

    /// There is no new client. The old one stays while its credentials are valid. Otherwise this is the reason for the absence.
    async fn fail<M: Maker<Client = C>>(&self, maker: &M, fault: Fault) {
        let keeps = match self.current() {
            Ok(old) => check(maker, &old).await.is_ok(),
            Err(_) => false,
        };
        if !keeps {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Err(fault);
            self.changed.notify_waiters();
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Result<Held<C>, Fault>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn make<M: Maker>(maker: &M) -> Result<Held<M::Client>, Fault> {
    let generation = Generation::start()?;
    let client = within(async |step| generation.inside(Box::pin(maker.make(step))).await).await?;
    Ok(Held::new(client, Arc::new(generation)))
}

/// Whether the credentials of the client in use are still valid. If not, a line reports it.
async fn is_valid<M: Maker>(maker: &M, client: &Held<M::Client>) -> bool {
    let checked = check(maker, client).await;
    if let Err(fault) = &checked {
        tracing::warn!("the credentials no longer give a token ({fault}): creating new ones");
    }
    checked.is_ok()
}

async fn check<M: Maker>(maker: &M, client: &Held<M::Client>) -> Result<(), Fault> {
    within(async |step| client.generation().inside(Box::pin(maker.check(client, step))).await).await
}

/// The result of the work within the limit. A panic or a timeout is a failure.
async fn within<T>(work: impl AsyncFnOnce(&Step) -> Result<T, Fault>) -> Result<T, Fault> {
    let step = Step::default();
    match bounded(LIMIT, work(&step)).await {
        Ok(result) => result,
        Err(Lost::Late(limit)) => {
            let text = format!("{} within {} s", step.missing(), limit.as_secs());
            Err(Fault::new(Cause::Credentials, text))
        }
        Err(lost) => Err(lost.into()),
    }
}

fn pause(in_a_row: usize) -> Duration {
    match in_a_row.checked_sub(FIRST_PAUSES) {
        None | Some(0) => FIRST_PAUSE,
        Some(more) => PAUSES[(more - 1).min(PAUSES.len() - 1)],
    }
}

#[cfg(test)]
mod tests;
