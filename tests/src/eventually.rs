//! Waiting for a condition instead of for a time.

use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::{Instant, sleep, timeout_at};

/// How long anything may take that comes within moments on an idle machine. What comes is seen at once all the same, so this is for
/// one that has much else to do.
pub const SOON: Duration = Duration::from_mins(1);

pub(crate) const PAUSE: Duration = Duration::from_millis(50);

/// Asks `probe` again and again until it gives a value. The error of a probe says what is still missing.
///
/// # Errors
/// After `within`: says `what` was waited for, and what the last probe said.
pub async fn eventually<T>(within: Duration, what: &str, mut probe: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + within;
    let mut last = anyhow!("the first probe never answered");
    loop {
        match timeout_at(deadline, probe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
        if Instant::now() + PAUSE > deadline {
            return Err(anyhow!("{what}: not within {within:?}; last seen: {last:#}"));
        }
        sleep(PAUSE).await;
    }
}
