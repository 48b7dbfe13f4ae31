//! Waits for a condition instead of for a time.

use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::{Instant, sleep, timeout_at};

/// Time limit for anything that takes only moments on an idle computer. A result is used as soon as it is there, so the limit
/// only matters under load.
pub const SOON: Duration = Duration::from_mins(1);

pub(crate) const PAUSE: Duration = Duration::from_millis(50);

/// Calls `probe` repeatedly until it returns a value. The error of a probe says what is still missing.
///
/// # Errors
/// After `within`: names `what` was waited for, and the error of the last probe.
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
