//! A runtime for all that one client's credentials do by themselves, and its end.

use std::{
    future::{Future, poll_fn},
    ops::Deref,
    pin::pin,
    sync::Arc,
};

use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

use super::fault::{Cause, Fault};

/// What a library spawns while it makes credentials may wait without end, with a socket each. Here it has a thread of its own, and goes
/// when the client is not used any more.
#[derive(Debug)]
pub struct Generation(Option<Runtime>);

impl Generation {
    /// Starts a thread, in which nothing runs yet.
    ///
    /// # Errors
    /// The system gives no thread, or no event queue.
    pub fn start() -> Result<Self, Fault> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("credentials")
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| {
            let text = format!("no thread for the credentials could be started: {error}");
            Fault::new(Cause::Other, text)
        })?;
        Ok(Self(Some(runtime)))
    }

    /// What the future gives; what it spawns belongs to this generation.
    pub async fn inside<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            let _inside = self.0.as_ref().map(Runtime::enter);
            future.as_mut().poll(context)
        })
        .await
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Without waiting: the one that drops this may be a task itself.
            runtime.shutdown_background();
        }
    }
}

/// A client, with what runs for it, for as long as it is used.
#[derive(Clone, Debug)]
pub struct Held<C> {
    client: C,
    generation: Arc<Generation>,
    since: Instant,
}

impl<C> Held<C> {
    pub fn new(client: C, generation: Arc<Generation>) -> Self {
        let since = Instant::now();
        Self {
            client,
            generation,
            since,
        }
    }

    /// Where it was made.
    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    /// When.
    pub const fn since(&self) -> Instant {
        self.since
    }

    /// Whether both are the same client, not two alike.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.generation, &other.generation)
    }
}

impl<C> Deref for Held<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.client
    }
}
