//! The signer's report about its key service, ten times a second.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signer::backend::Cause;
use signer::telemetry::Health;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

const EACH: Duration = Duration::from_millis(100);

/// Health at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub at: Instant,
    /// Number of the process.
    pub instance: usize,
    pub is_up: bool,
    pub cause: Option<Cause>,
}

/// Samples the running process. Clones share the samples.
#[derive(Clone)]
pub struct Sampler(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    current: Option<(usize, Arc<Health>)>,
    samples: Vec<Sample>,
    task: Option<JoinHandle<()>>,
}

impl Sampler {
    pub fn start() -> Self {
        let sampler = Self(Arc::default());
        let looking = sampler.clone();
        let task = tokio::spawn(async move {
            let mut ticks = interval(EACH);
            loop {
                looking.look(ticks.tick().await);
            }
        });
        sampler.lock().task = Some(task);
        sampler
    }

    /// Sets the running process, if any.
    pub fn watch(&self, process: Option<(usize, Arc<Health>)>) {
        self.lock().current = process;
    }

    pub fn end(&self) -> Vec<Sample> {
        let mut state = self.lock();
        if let Some(task) = state.task.take() {
            task.abort();
        }
        std::mem::take(&mut state.samples)
    }

    fn look(&self, at: Instant) {
        let mut state = self.lock();
        let Some((instance, health)) = &state.current else {
            return;
        };
        let Some(backend) = health.backend() else { return };
        let sample = Sample {
            at,
            instance: *instance,
            is_up: backend.is_up(at),
            cause: backend.fault().map(|fault| fault.cause),
        };
        state.samples.push(sample);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
