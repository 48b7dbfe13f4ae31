//! Time limits for answers of the API server, and a layer that also paces watches and restarts watches whose version
//! has expired. The requests of a reconcile also have a deadline of their own. Watches have only these limits.

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

use super::expired::expired;
use super::liveness;
use super::pacing::Paces;
use super::retry_after;

/// Time limit for a whole answer, or for the beginning of a watch's answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// Recent watches. Clones share the value.
#[derive(Clone, Debug, Default)]
pub struct Timeouts(Arc<Mutex<Paces>>);

impl<S> Layer<S> for Timeouts {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Bounded<S> {
        Bounded {
            inner,
            timeouts: self.clone(),
        }
    }
}

/// Requests on their way to the API server.
#[derive(Clone, Debug)]
pub struct Bounded<S> {
    inner: S,
    timeouts: Timeouts,
}

impl<S, A, B> Service<Request<A>> for Bounded<S>
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
            let mut paces = self.timeouts.0.lock().unwrap_or_else(PoisonError::into_inner);
            paces.turn(request.uri().path(), Instant::now())
        });
        // The request is sent when this is awaited.
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
        // With the error alone, kube would request the same version without end. It lists again only after this event.
        head.status = StatusCode::OK;
        body = expired(&body);
    } else {
        body = retry_after::in_body(&head, body);
    }
    // The length of the replaced body may differ.
    head.headers.remove(CONTENT_LENGTH);
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    Ok(Response::from_parts(head, body))
}
