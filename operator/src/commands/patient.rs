//! A request of a command that is repeated after the time that the API server names, as kubectl does: for a moment after a
//! CustomResourceDefinition is created, its objects cannot be listed.

use std::time::Duration;

use tokio::time::sleep;

use crate::cluster::deadline;
use crate::model::error::Error;

/// The maximum number of attempts.
const MOST: u32 = 6;

/// The final answer of the API server.
///
/// # Errors
/// The request's own error, or a timeout.
pub async fn patiently<T>(
    attempt: &'static str,
    request: impl AsyncFn() -> Result<T, kube::Error>,
) -> Result<T, Error> {
    let mut times = 0;
    loop {
        let error = match deadline(attempt, request()).await {
            Err(error) => error,
            answer => return answer,
        };
        times += 1;
        match pause(&error, times) {
            Some(pause) => sleep(pause).await,
            None => return Err(error),
        }
    }
}

/// The pause before the next attempt; none if there is no further attempt.
fn pause(error: &Error, times: u32) -> Option<Duration> {
    error.retry_after().filter(|_| times < MOST)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: serde_json::Value) -> Error {
        let status: kube::core::Status = serde_json::from_value(status).unwrap();
        Error::Request {
            attempt: "ask",
            source: Box::new(kube::Error::Api(status.boxed())),
        }
    }

    #[test]
    fn asks_again_where_it_is_told_when_to_and_not_for_ever() {
        let busy = answer(json!({ "code": 429, "details": { "retryAfterSeconds": 1 } }));
        assert_eq!(pause(&busy, 1), Some(Duration::from_secs(1)));
        assert_eq!(pause(&busy, MOST), None);
        assert_eq!(pause(&answer(json!({ "code": 403, "reason": "Forbidden" })), 1), None);
    }
}
