//! One attempt: a connection, a request, an answer.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::dial::Dial;
use super::reply::{self, Reply};

/// Larger than any answer of a signer. A longer answer is refused.
const LONGEST: usize = 256 * 1024;

/// Why an attempt had no answer. The node retries after each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The connection was refused.
    Refused,
    /// Reset or closed before the answer was complete.
    Closed,
    /// The time limit passed without a byte.
    Silent,
    /// Not HTTP, or too long.
    Garbled,
}

/// Sends `request` on a separate connection, which is closed when this returns and never half-closed before.
pub async fn exchange(dial: &dyn Dial, request: &[u8], silence: Duration) -> Result<Reply, Failure> {
    let mut stream = within(silence, dial.dial()).await?;
    within(silence, stream.write_all(request)).await?;
    let mut bytes = Vec::with_capacity(1024);
    loop {
        // Each byte restarts the clock.
        let read = within(silence, stream.read_buf(&mut bytes)).await?;
        let ended = read == 0;
        match reply::parse(&bytes, ended) {
            Ok(Some(reply)) => return Ok(reply),
            Ok(None) if ended => return Err(Failure::Closed),
            Ok(None) if bytes.len() > LONGEST => return Err(Failure::Garbled),
            Ok(None) => {}
            Err(reply::NotHttp) => return Err(Failure::Garbled),
        }
    }
}

async fn within<T>(silence: Duration, work: impl Future<Output = io::Result<T>>) -> Result<T, Failure> {
    match timeout(silence, work).await {
        Err(_) => Err(Failure::Silent),
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Err(Failure::Refused),
        Ok(Err(_)) => Err(Failure::Closed),
    }
}
