//! The state that callers, calls, attempts and the watch share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
};

use tokio::time::Instant;

use super::{
    asked::Call,
    cache::Cache,
    gate::{Change, Gate},
    hedges::Hedges,
    key::Key,
    refused::Refused,
};
use crate::{
    backend::{Cause, Fault, Session, Signature},
    protocol::PublicKey,
    telemetry::{BackendHealth, BackendMetrics},
};

/// Number of cached signatures.
const CACHED: usize = 16_384;
/// The state of one remote backend.
pub struct Shared {
    pub session: Arc<dyn Session>,
    pub public_key: PublicKey,
    pub gate: Arc<Gate>,
    pub hedges: Mutex<Hedges>,
    pub health: Arc<BackendHealth>,
    pub metrics: Arc<BackendMetrics>,
    /// The session's client ([`Session::generation`]) that has passed the comparison of two signatures.
    pub compared: AtomicU64,
    book: Mutex<Book>,
}

/// Cached signatures, running calls, and recent refusals.
pub struct Book {
    pub cache: Cache<Signature>,
    pub calls: HashMap<Key, Arc<Call>>,
    pub refused: Refused,
}

impl Shared {
    /// Without calls.
    pub fn new(
        session: Arc<dyn Session>,
        public_key: PublicKey,
        health: Arc<BackendHealth>,
        metrics: Arc<BackendMetrics>,
    ) -> Self {
        let book = Book {
            cache: Cache::new(CACHED),
            calls: HashMap::new(),
            refused: Refused::default(),
        };
        Self {
            session,
            public_key,
            gate: Gate::new(),
            hedges: Mutex::default(),
            health,
            metrics,
            compared: AtomicU64::new(0),
            book: Mutex::new(book),
        }
    }

    /// Ends a call. From now on the cache answers, or the next caller starts a new call.
    pub fn close(&self, key: &Key, signature: Option<Signature>) {
        let mut book = self.book();
        book.calls.remove(key);
        if let Some(signature) = signature {
            book.cache.put(key.clone(), signature);
        }
    }

    /// Applies the result of an attempt to the backend's health.
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
                    "the backend fails for all requests ({fault}): requests wait, and the signer sends one probe every 500 ms"
                );
            }
            (Change::Closed, _) => {
                self.metrics.breaker_open.set(0);
                tracing::info!("the backend signs again: all waiting requests are sent");
                self.session.renew();
            }
            _ => {}
        }
    }

    /// The present signatures and calls.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
