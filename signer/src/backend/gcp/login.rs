//! The credentials in use: the same for all clients, as connections that are stale are no reason for another login.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use google_cloud_auth::credentials::Credentials;

use crate::backend::generation::Held;

/// Google's credentials. They renew their token by themselves, and give up for good after one refusal.
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

    /// KMS does not take these, whatever their end is.
    pub fn refuse(&self) {
        self.is_refused.store(true, Relaxed);
    }
}

/// What the next client may ask with.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Option<Arc<Login>>>);

impl Kept {
    /// Nothing where it was refused. Anyone who takes it puts it back once it has shown a token: one that gives none, or waits permanently, is
    /// not met twice.
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
