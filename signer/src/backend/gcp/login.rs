//! The credentials in use. All clients share them, because stale connections are no reason for another login.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use google_cloud_auth::credentials::Credentials;

use crate::backend::generation::Held;

/// Google's credentials. They renew their token themselves, but give up permanently after one refusal.
#[derive(Debug)]
pub struct Login {
    pub credentials: Held<Credentials>,
    is_refused: AtomicBool,
}

impl Login {
    pub const fn new(credentials: Held<Credentials>) -> Self {
        Self {
            credentials,
            is_refused: AtomicBool::new(false),
        }
    }

    /// KMS refuses these, although they may not have expired.
    pub fn refuse(&self) {
        self.is_refused.store(true, Relaxed);
    }
}

/// The credentials for the next client.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Option<Arc<Login>>>);

impl Kept {
    /// None if they were refused. A caller takes them and puts them back once they have provided a token. Credentials that
    /// provide none, or wait without end, are not used again.
    pub fn take(&self) -> Option<Arc<Login>> {
        self.lock().take().filter(|login| !login.is_refused.load(Relaxed))
    }

    pub fn put(&self, login: Arc<Login>) {
        *self.lock() = Some(login);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Login>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
