//! How long an answer of the API server is waited for, how often a watch is asked for, and what becomes of one that is too old.
//! The requests of a reconcile have their own deadline; those of the watches would have none.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use tokio::time::{Instant, sleep_until, timeout};
use tower::{BoxError, Layer, Service};

use crate::cluster::liveness;

/// How long a whole answer may take; of a watch, its beginning.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A watch that ends at once is asked for again at once, so many times; then once in this time.
const SPACING: Duration = Duration::from_secs(1);
const BURST: u32 = 4;

type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// What has been asked for of late. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Patience(Arc<Mutex<Paces>>);

/// By path, when a watch would be asked for next if they all came in their spacing.
#[derive(Debug, Default)]
struct Paces(HashMap<String, Instant>);

impl Paces {
    /// When a watch of this path that is wanted now may be asked for.
    fn turn(&mut self, path: &str, now: Instant) -> Instant {
        let next = self.0.entry(path.to_owned()).or_insert(now);
        *next = (*next).max(now) + SPACING;
        (*next - SPACING * BURST).max(now)
    }
}

impl<S> Layer<S> for Patience {
    type Service = Patient<S>;

    fn layer(&self, inner: S) -> Patient<S> {
        Patient {
            inner,
            patience: self.clone(),
        }
    }
}

/// Requests on their way to the API server.
#[derive(Clone, Debug)]
pub struct Patient<S> {
    inner: S,
    patience: Patience,
}

impl<S, A, B> Service<Request<A>> for Patient<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let is_watch = liveness::is_watch(request.uri());
        let turn = is_watch.then(|| {
            let mut paces = self.patience.0.lock().unwrap_or_else(PoisonError::into_inner);
            paces.turn(request.uri().path(), Instant::now())
        });
        // Nothing is sent before it is awaited.
        let answer = self.inner.call(request);
        Box::pin(async move {
            if let Some(turn) = turn {
                sleep_until(turn).await;
            }
            timeout(ANSWER_LIMIT, settle(answer, is_watch)).await?
        })
    }
}

async fn settle<B, E>(answer: impl Future<Output = Result<Response<B>, E>>, is_watch: bool) -> Result<Answer, BoxError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    E: Into<BoxError>,
{
    let answer = answer.await.map_err(Into::into)?;
    if is_watch && answer.status().is_success() {
        return Ok(answer.map(|body| body.map_err(Into::into).boxed_unsync()));
    }
    let (mut head, body) = answer.into_parts();
    let mut body = body.collect().await.map_err(Into::into)?.to_bytes();
    if is_watch && head.status == StatusCode::GONE {
        // kube would ask for the same version for ever. It lists anew only when the event says so.
        head.status = StatusCode::OK;
        head.headers.remove(CONTENT_LENGTH);
        body = expired(&body);
    }
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    Ok(Response::from_parts(head, body))
}

/// The event that the API server sends when it notices in the middle of a watch.
fn expired(status: &[u8]) -> Bytes {
    let status = serde_json::from_slice(status)
        .unwrap_or_else(|_| serde_json::json!({ "kind": "Status", "apiVersion": "v1", "reason": "Expired" }));
    let mut event = serde_json::json!({ "type": "ERROR", "object": status });
    event["object"]["code"] = StatusCode::GONE.as_u16().into();
    Bytes::from(format!("{event}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_that_keeps_ending_is_asked_for_once_a_second_and_others_at_once() {
        let (mut paces, start) = (Paces::default(), Instant::now());
        let mut now = start;
        for _ in 0..60 {
            now = paces.turn("/api/v1/pods", now);
        }
        assert!(now - start >= SPACING * 55, "{:?}", now - start);
        assert_eq!(paces.turn("/api/v1/services", now), now);
        let later = now + SPACING * (BURST + 1);
        for _ in 0..BURST {
            assert_eq!(paces.turn("/api/v1/pods", later), later);
        }
    }
}
