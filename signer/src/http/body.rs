//! Reads request bodies, with limits on size and time.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{BoxError, body::HttpBody};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Duration, Instant, timeout_at};

use super::error::ApiError;

/// Maximum length of a body.
const MAX_LENGTH: usize = 64 * 1024;
/// Time limit for the whole body, from the request's head.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// How much of an unused body is read from the connection.
const MAX_DRAINED: usize = 4 * 1024 * 1024;

/// A body as received from a client.
pub trait Received: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static {}

impl<T: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static> Received for T {}

/// The whole body of a request whose head arrived at `start`.
pub async fn read(mut body: impl Received, start: Instant) -> Result<Bytes, ApiError> {
    if body.size_hint().lower() > MAX_LENGTH as u64 {
        return Err(ApiError::TooLarge);
    }
    timeout_at(start + TIME_LIMIT, collect(&mut body))
        .await
        .map_err(|_| ApiError::Incomplete)?
}

async fn collect(body: &mut impl Received) -> Result<Bytes, ApiError> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // An interrupted connection is not the client's mistake.
        let Ok(data) = frame.map_err(|_| ApiError::Incomplete)?.into_data() else {
            continue;
        };
        if first.len() + all.len() + data.len() > MAX_LENGTH {
            return Err(ApiError::TooLarge);
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// A body whose rest is read and discarded when it is dropped. Otherwise closing the connection while the client still sends
/// would reset it, and the client would not see the answer with the reason.
pub struct Drained<T: Received> {
    inner: Option<T>,
    deadline: Instant,
}

impl<T: Received> Drained<T> {
    /// The body of a request whose head arrived at `start`.
    pub fn new(body: T, start: Instant) -> Self {
        Self {
            inner: Some(body),
            deadline: start + TIME_LIMIT,
        }
    }
}

impl<T: Received> HttpBody for Drained<T> {
    type Data = Bytes;
    type Error = T::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, T::Error>>> {
        match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl<T: Received> Drop for Drained<T> {
    fn drop(&mut self) {
        let Some(mut body) = self.inner.take().filter(|body| !body.is_end_stream()) else {
            return;
        };
        let deadline = self.deadline;
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if deadline <= Instant::now() {
            return;
        }
        runtime.spawn(async move {
            let drain = async {
                let mut rest = MAX_DRAINED;
                while let Some(Ok(frame)) = body.frame().await {
                    match rest.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                        Some(less) => rest = less,
                        None => return,
                    }
                }
            };
            // A client that takes longer is cut off.
            let _ = timeout_at(deadline, drain).await;
        });
    }
}
