//! Calls into the library of a key service, which may never return or may panic.

use std::{future::Future, time::Duration};

use tokio::time::timeout;

use super::fault::{Cause, Fault};
use crate::caught::{Panicked, caught};

/// A call that did not return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It was cancelled after this time.
    Late(Duration),
    /// It panicked, with this message.
    Panicked(String),
}

impl From<Lost> for Fault {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Late(limit) => Self::new(Cause::Timeout, format!("no answer within {} s", limit.as_secs())),
            Lost::Panicked(message) => Self::new(
                Cause::Other,
                format!("the library of the key service panicked: {message}"),
            ),
        }
    }
}

/// The result of the call, if it returns in time.
pub async fn bounded<F: Future>(limit: Duration, call: F) -> Result<F::Output, Lost> {
    match timeout(limit, caught(call)).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(Panicked(message))) => Err(Lost::Panicked(message)),
        Err(_) => Err(Lost::Late(limit)),
    }
}
