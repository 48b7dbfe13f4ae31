//! What stands between callers and a backend that can be slow, wrong or away: one call per hash, whoever asks, and for each
//! caller an answer in time.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

use super::{
    Key,
    cache::Cache,
    call::{self, Call},
    gate::{Change, Gate, PERMITS},
    hedges::Hedges,
    round, watch,
};
use crate::{
    backend::{Backend, BackendError, Cause, Effort, Fault, Signature, Signing, self_test_text},
    protocol::PublicKey,
    telemetry::{BackendHealth, BackendMetrics},
};

/// Verified signatures that are kept.
const CACHED: usize = 16_384;
/// Hashes that may wait, beside those at the backend.
const WAITING: usize = 4_096;

/// A remote backend, made fit for callers that have a second.
pub struct Remote<B> {
    shared: Arc<Shared<B>>,
    deadline: Duration,
}

/// What callers, calls and the watch have in common.
pub struct Shared<B> {
    pub backend: B,
    pub public_key: PublicKey,
    pub gate: Arc<Gate>,
    pub hedges: Mutex<Hedges>,
    pub health: Arc<BackendHealth>,
    pub metrics: Arc<BackendMetrics>,
    book: Mutex<Book>,
}

struct Book {
    cache: Cache,
    calls: HashMap<Key, Arc<Call>>,
}

impl<B: Backend> Remote<B> {
    /// Answers each caller within the deadline.
    pub fn new(backend: B, deadline: Duration, health: Arc<BackendHealth>, metrics: Arc<BackendMetrics>) -> Self {
        let book = Book {
            cache: Cache::new(CACHED),
            calls: HashMap::new(),
        };
        let shared = Shared {
            public_key: backend.public_key(),
            backend,
            gate: Gate::new(),
            hedges: Mutex::default(),
            health,
            metrics,
            book: Mutex::new(book),
        };
        Self {
            shared: Arc::new(shared),
            deadline,
        }
    }

    /// Signs a self-test once, whatever the breaker says.
    pub async fn self_test(&self) -> Result<(), Fault> {
        self.shared.self_test().await
    }

    /// Tests the backend while nobody uses it or it is down; never ends.
    pub fn watch(&self) -> impl Future<Output = ()> + Send + 'static {
        watch::keep(self.shared.clone())
    }
}

impl<B: Backend> Backend for Remote<B> {
    fn public_key(&self) -> PublicKey {
        self.shared.public_key
    }

    async fn sign(&self, bytes: &[u8]) -> Result<Signature, BackendError> {
        self.sign_for(bytes, Instant::now()).await.result
    }

    async fn sign_for(&self, bytes: &[u8], start: Instant) -> Signing {
        let mut effort = Effort::default();
        let call = match self.shared.find(bytes) {
            Ok(Found::Call(call)) => call,
            Ok(Found::Signature(signature)) => {
                effort.is_cached = true;
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
        Signing { result, effort }
    }
}

enum Found {
    Signature(Signature),
    Call(Arc<Call>),
}

impl<B: Backend> Shared<B> {
    fn find(self: &Arc<Self>, bytes: &[u8]) -> Result<Found, BackendError> {
        let mut book = self.book();
        if let Some(signature) = book.cache.get(bytes) {
            self.metrics.cache_hits.inc();
            return Ok(Found::Signature(signature));
        }
        if let Some(call) = book.calls.get(bytes) {
            call.ask();
            self.metrics.joined.inc();
            return Ok(Found::Call(call.clone()));
        }
        if book.calls.len() >= WAITING + PERMITS {
            return Err(BackendError::Overloaded);
        }
        let (key, call) = (Key::from(bytes), Arc::<Call>::default());
        book.calls.insert(key.clone(), call.clone());
        tokio::spawn(call::run(self.clone(), key, call.clone(), self.gate.enter()));
        Ok(Found::Call(call))
    }

    /// Ends a call: from now on the cache answers, or the next caller begins anew.
    pub fn close(&self, key: &Key, signature: Option<Signature>) {
        let mut book = self.book();
        book.calls.remove(key);
        if let Some(signature) = signature {
            book.cache.put(key.clone(), signature);
        }
    }

    /// Signs a text of its own.
    pub async fn self_test(self: &Arc<Self>) -> Result<(), Fault> {
        let text = self_test_text().map_err(|error| Fault::new(Cause::Other, error.to_string()))?;
        self.metrics.self_tests.inc();
        round::attempt(self.clone(), Key::from(text)).await.map(|_| ())
    }

    /// What an attempt says of the backend.
    pub fn judge(&self, key: &Key, result: Result<(), &Fault>, now: Instant) {
        let change = match result {
            Ok(()) => self.gate.succeed(),
            Err(fault) => {
                if fault.cause == Cause::ResourceExhausted {
                    self.hedges.lock().unwrap_or_else(PoisonError::into_inner).exhaust(now);
                }
                if fault.cause.opens_breaker() {
                    self.gate.fail(key)
                } else {
                    Change::None
                }
            }
        };
        match (change, result) {
            (Change::Opened, Err(fault)) => {
                self.metrics.breaker_open.set(1);
                tracing::warn!(
                    "the backend fails for all ({fault}): requests wait, and one probe goes out each 500 ms"
                );
            }
            (Change::Closed, _) => {
                self.metrics.breaker_open.set(0);
                tracing::info!("the backend signs again: all that waited goes out");
                self.backend.renew();
            }
            _ => {}
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> fmt::Debug for Remote<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Remote({})", self.shared.public_key)
    }
}
