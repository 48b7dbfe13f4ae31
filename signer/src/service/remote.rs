//! Connects callers to a backend that can be slow, faulty or unavailable: one call per hash for all its callers, and for each
//! caller an answer in time.

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{
    asked::Call,
    attempt,
    call::{self, Begin},
    gate::PERMITS,
    key::Key,
    shared::Shared,
    siblings::first_answer,
    watch,
};
use crate::{
    backend::{Backend, BackendError, Effort, Session, Signature, Signing},
    protocol::PublicKey,
    telemetry::{BackendHealth, BackendMetrics},
};

/// Maximum number of waiting hashes, in addition to those at the backend.
const WAITING: usize = 4_096;

/// A remote backend, adapted to callers that wait one second.
pub struct Remote {
    shared: Arc<Shared>,
    deadline: Duration,
}

impl Remote {
    /// Answers each caller within the deadline, with signatures that this session makes with this key.
    pub fn new(
        session: Arc<dyn Session>,
        public_key: PublicKey,
        deadline: Duration,
        health: Arc<BackendHealth>,
        metrics: Arc<BackendMetrics>,
    ) -> Self {
        let shared = Shared::new(session, public_key, health, metrics);
        Self {
            shared: Arc::new(shared),
            deadline,
        }
    }

    /// Signs a self-test twice and compares, regardless of the breaker. Without an answer, another attempt starts every 2 s.
    pub async fn prove(&self) -> Result<(), BackendError> {
        first_answer(|| {
            let shared = self.shared.clone();
            async move { attempt::compare(&shared).await }
        })
        .await
    }

    /// Tests the backend while it is idle or down. Never ends.
    pub fn watch(&self) -> impl Future<Output = ()> + Send + 'static {
        watch::keep(self.shared.clone())
    }
}

impl Backend for Remote {
    fn public_key(&self) -> PublicKey {
        self.shared.public_key
    }

    async fn sign(&self, bytes: &[u8]) -> Result<Signature, BackendError> {
        self.sign_for(bytes, Instant::now()).await.result
    }

    async fn sign_for(&self, bytes: &[u8], start: Instant) -> Signing {
        let mut effort = Effort::default();
        let call = match self.find(bytes) {
            Ok(Found::Call(call)) => call,
            Ok(Found::Signature(signature)) => {
                effort.is_cached = true;
                effort.backend = Some(Duration::ZERO);
                let result = Ok(signature);
                return Signing { result, effort };
            }
            Err(error) => {
                let result = Err(error);
                return Signing { result, effort };
            }
        };
        let result = match timeout_at(start + self.deadline, call.answer()).await {
            Ok(answer) => answer,
            Err(_) if self.shared.gate.is_open() => Err(BackendError::Broken),
            Err(_) => Err(BackendError::Deadline(self.deadline)),
        };
        effort.attempts = call.attempts();
        effort.backend = result.is_ok().then(|| call.took());
        Signing { result, effort }
    }

    fn effort(&self, bytes: &[u8]) -> Effort {
        let attempts = self.shared.book().calls.get(bytes).map_or(0, |call| call.attempts());
        Effort {
            attempts,
            ..Effort::default()
        }
    }
}

impl Remote {
    /// The signature of this hash, or its call, which is started if necessary.
    fn find(&self, bytes: &[u8]) -> Result<Found, BackendError> {
        let shared = &self.shared;
        let mut book = shared.book();
        if let Some(signature) = book.cache.get(bytes) {
            shared.metrics.cache_hits.inc();
            return Ok(Found::Signature(signature));
        }
        if let Some(call) = book.calls.get(bytes) {
            call.ask();
            shared.metrics.joined.inc();
            return Ok(Found::Call(call.clone()));
        }
        if book.calls.len() >= WAITING + PERMITS {
            return Err(BackendError::Overloaded);
        }
        let (key, call) = (Key::from(bytes), Arc::<Call>::default());
        let begin = match book.refused.take(bytes) {
            Some(tries) => Begin::Rested(tries),
            None => Begin::Now(shared.gate.enter()),
        };
        book.calls.insert(key.clone(), call.clone());
        tokio::spawn(call::run(shared.clone(), key, call.clone(), begin));
        Ok(Found::Call(call))
    }
}

enum Found {
    Signature(Signature),
    Call(Arc<Call>),
}

impl fmt::Debug for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Remote({})", self.shared.public_key)
    }
}
