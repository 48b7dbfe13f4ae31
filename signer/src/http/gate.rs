//! Processing that is common to every request.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{Router, body::HttpBody};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, Uri, header, uri::PathAndQuery};
use http_body_util::{BodyExt, Collected, Full};
use tokio::time::Instant;

use super::{
    answer::Answer,
    api::Api,
    arrival::Arriving,
    body::{Drained, Received},
    docs,
    error::{ApiError, Code},
    handlers,
    paths::{BLOCKS, CHALLENGES, PUBLIC_KEYS, VOTES},
    record,
};
use crate::{backend::Backend, caught::caught, protocol::Kind, telemetry::Route};

/// The whole API as a value: an infallible service from requests to answers.
#[derive(Debug)]
pub struct ApiService<B> {
    api: Arc<Api<B>>,
    docs: Router,
}

impl<B> Clone for ApiService<B> {
    fn clone(&self) -> Self {
        Self {
            api: self.api.clone(),
            docs: self.docs.clone(),
        }
    }
}

/// The wire contract: `/public-keys`, `/blocks`, `/votes`, `/challenges`; and its documentation: `/v3/api-docs`, `/`.
pub fn router<B: Backend>(api: Api<B>) -> ApiService<B> {
    let api = Arc::new(api);
    let docs = docs::router(&api);
    ApiService { api, docs }
}

impl<B: Backend> ApiService<B> {
    async fn handle(&self, request: Request<impl Received>) -> Response<Full<Bytes>> {
        let start = Instant::now();
        let mut request = request.map(|body| Drained::new(body, start));
        normalise(request.uri_mut());
        let route = Route::of(request.method(), request.uri().path());
        let observation = self.api.metrics.requests.begin(route, start.into_std());
        let is_head = request.method() == Method::HEAD;
        let mut response = self.judge(request, start).await;
        if is_head {
            empty(&mut response);
        }
        observation.end(response.status());
        response
    }

    /// Refuses requests without the token. Any other request gets an answer in any case.
    async fn judge(&self, request: Request<impl Received>, start: Instant) -> Response<Full<Bytes>> {
        let kind = signing_kind(&request);
        let turn_away = |error: ApiError| {
            if let Some(kind) = kind {
                record::unread(&self.api, kind, &error, start);
            }
            self.api.refuse(error)
        };
        let is_read_only = matches!(*request.method(), Method::GET | Method::HEAD);
        if !is_read_only && !self.api.token.is_carried_by(request.headers()) {
            if let Some(kind) = kind {
                self.api
                    .health
                    .note(kind, ApiError::Unauthorized.verdict(), start.into_std());
            }
            return turn_away(ApiError::Unauthorized);
        }
        // A panic in a handler would close the connection or cause a 500, and the vote would be lost. Its message may
        // quote a client's data.
        caught(self.dispatch(request, start))
            .await
            .unwrap_or_else(|_| turn_away(ApiError::Retry(Code::Internal)))
    }

    async fn dispatch(&self, request: Request<impl Received>, start: Instant) -> Response<Full<Bytes>> {
        let api = &*self.api;
        match (request.uri().path(), request.method()) {
            (VOTES, &Method::POST) => handlers::votes(api, request, start).await,
            (BLOCKS, &Method::POST) => handlers::blocks(api, request, start).await,
            (CHALLENGES, &Method::POST) => handlers::challenges(api, request, start).await,
            (VOTES | BLOCKS | CHALLENGES, _) => api.refuse(ApiError::MethodNotAllowed("POST")),
            (PUBLIC_KEYS, &Method::GET | &Method::HEAD) => handlers::public_keys(api, request.headers()),
            (PUBLIC_KEYS, _) => api.refuse(ApiError::MethodNotAllowed("GET, HEAD")),
            _ => self.document(request).await,
        }
    }

    /// Paths that are not part of the wire contract.
    async fn document(&self, request: Request<impl Received>) -> Response<Full<Bytes>> {
        let Ok(response) = tower::Service::call(&mut self.docs.clone(), request).await;
        let (head, body) = response.into_parts();
        // The body is in memory, so reading it cannot fail.
        let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
        Response::from_parts(head, Full::new(body))
    }
}

impl<B: Backend> Answer for ApiService<B> {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<Arriving>) -> Response<Full<Bytes>> {
        self.handle(request).await
    }
}

impl<B: Backend, T: Received> tower::Service<Request<T>> for ApiService<B> {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<T>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.handle(request).await) })
    }
}

/// The kind of message for a path.
fn signing_kind<T>(request: &Request<T>) -> Option<Kind> {
    if request.method() != Method::POST {
        return None;
    }
    match request.uri().path() {
        VOTES => Some(Kind::Vote),
        CHALLENGES => Some(Kind::Challenge),
        BLOCKS => Some(Kind::Block),
        _ => None,
    }
}

/// Converts the answer to a GET into that to a HEAD, which has the length but no body.
fn empty(response: &mut Response<Full<Bytes>>) {
    let length = response.body().size_hint().exact().unwrap_or_default();
    let headers = response.headers_mut();
    headers
        .entry(header::CONTENT_LENGTH)
        .or_insert(HeaderValue::from(length));
    *response.body_mut() = Full::default();
}

/// A client whose URL ends with a slash requests `//votes`.
fn normalise(uri: &mut Uri) {
    if !uri.path().starts_with("//") {
        return;
    }
    let text = uri.path_and_query().map_or("", PathAndQuery::as_str);
    if let Ok(shorter) = format!("/{}", text.trim_start_matches('/')).parse() {
        *uri = shorter;
    }
}
