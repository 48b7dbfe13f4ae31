//! Treats a panic inside a library as any other failure: it gets a message, and the caller continues.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use crate::one_line::one_line;

/// The message of a panic, on one line and shortened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked(pub String);

/// The result of the future, or its panic message. The panic's hook logs the place.
pub async fn caught<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(|context| {
        // The future is not polled again, so its incomplete state is not visible.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.map_or_else(
            |payload| Poll::Ready(Err(Panicked(message(&*payload)))),
            |poll| poll.map(Ok),
        )
    })
    .await
}

/// The message of a panic, on one line and shortened.
pub fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    one_line(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::one_line::MAX_LENGTH;

    #[tokio::test]
    async fn a_panic_is_told_on_one_short_line() {
        assert_eq!(caught(async { 1 }).await, Ok(1));
        let told = caught(async { panic!("found\nnothing: {}", "x".repeat(1000)) }).await;
        let Err(Panicked(message)) = told;
        assert!(message.starts_with("found nothing: xxx"), "{message}");
        assert_eq!(message.chars().count(), MAX_LENGTH);
    }
}
