//! Recorded answers that are replayed, so that a service takes no time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::response::Parts;

/// Answers by request body. Clones share them.
#[derive(Clone, Default)]
pub struct Book(Arc<Mutex<HashMap<Bytes, (Parts, Bytes)>>>);

impl Book {
    pub(super) fn keep(&self, request: Bytes, answer: (Parts, Bytes)) {
        self.answers().insert(request, answer);
    }

    pub(super) fn find(&self, request: &Bytes) -> Option<(Parts, Bytes)> {
        self.answers().get(request).cloned()
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<Bytes, (Parts, Bytes)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
