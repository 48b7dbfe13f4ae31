//! A runtime for the background tasks of one client's credentials.

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

/// Tasks that a library spawns for credentials may wait without end, each with a socket. This runtime gives them a thread of
/// their own, and ends them when the client is no longer used.
#[derive(Debug)]
pub struct Generation(Option<Runtime>);

impl Generation {
    /// Starts an idle thread.
    ///
    /// # Errors
    /// The system provides no thread or event queue.
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

    /// The result of the future. Tasks that it spawns belong to this generation.
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
            // Does not wait, because the caller may be a task itself.
            runtime.shutdown_background();
        }
    }
}

/// A client with its background tasks, for as long as it is used.
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

    /// The generation that runs its tasks.
    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    /// When it was created.
    pub const fn since(&self) -> Instant {
        self.since
    }

    /// Whether both values are handles of the same client.
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
