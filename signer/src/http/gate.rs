//! What happens to every request, whatever its path.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    BoxError, Router,
    body::{Body, HttpBody},
    extract::State,
    routing::{get, post},
};
use bytes::Bytes;
use http::{Method, Request, Response, Uri, uri::PathAndQuery};

use super::{
    api::Api,
    body::Drained,
    docs,
    error::{ApiError, Code},
    handlers,
    paths::{BLOCKS, CHALLENGES, PUBLIC_KEYS, VOTES},
    record,
};
use crate::{backend::Backend, caught::caught, protocol::Kind, telemetry::Route};

const SIGNING_PATHS: [(&str, Kind); 3] = [
    (VOTES, Kind::Vote),
    (CHALLENGES, Kind::Challenge),
    (BLOCKS, Kind::Block),
];

/// The whole API as a value: a service from requests to answers that never fails.
#[derive(Debug)]
pub struct ApiService<B> {
    api: Arc<Api<B>>,
    router: Router,
}

impl<B> Clone for ApiService<B> {
    fn clone(&self) -> Self {
        Self {
            api: self.api.clone(),
            router: self.router.clone(),
        }
    }
}

/// The wire contract: `/public-keys`, `/blocks`, `/votes`, `/challenges`; and its documentation: `/v3/api-docs`, `/`.
pub fn router<B: Backend>(api: Api<B>) -> ApiService<B> {
    let api = Arc::new(api);
    let not_found = async |State(api): State<Arc<Api<B>>>| api.refuse(ApiError::NotFound);
    let takes_get = async |State(api): State<Arc<Api<B>>>| api.refuse(ApiError::MethodNotAllowed("GET, HEAD"));
    let takes_post = async |State(api): State<Arc<Api<B>>>| api.refuse(ApiError::MethodNotAllowed("POST"));
    let document = docs::render(api.service.policy().public_key());
    let documentation =
        async |State(api): State<Arc<Api<B>>>, request: Request<Body>| docs::document(&api, &request, document);
    let router = Router::new()
        .route(PUBLIC_KEYS, get(handlers::public_keys::<B>).fallback(takes_get))
        .route(VOTES, post(handlers::votes::<B>).fallback(takes_post))
        .route(CHALLENGES, post(handlers::challenges::<B>).fallback(takes_post))
        .route(BLOCKS, post(handlers::blocks::<B>).fallback(takes_post))
        .route(docs::DOCUMENT, get(documentation).fallback(takes_get))
        .route("/", get(docs::page).fallback(takes_get))
        .route(docs::ASSETS, get(docs::asset::<B>).fallback(takes_get))
        .fallback(not_found)
        .with_state(api.clone());
    ApiService { api, router }
}

impl<B: Backend> ApiService<B> {
    async fn handle<T>(self, request: Request<T>) -> Response<Body>
    where
        T: HttpBody<Data = Bytes> + Send + 'static,
        T::Error: Into<BoxError>,
    {
        let start = Instant::now();
        let mut request = request.map(Drained::wrap);
        normalise(request.uri_mut());
        let route = Route::of(request.method(), request.uri().path());
        let api = self.api.clone();
        let response = self.answer(request, start).await;
        api.metrics.requests.observe(route, response.status(), start);
        response
    }

    async fn answer(self, request: Request<Body>, start: Instant) -> Response<Body> {
        let kind = signing_kind(&request);
        let turn_away = |error: ApiError| {
            if let Some(kind) = kind {
                record::unread(&self.api, kind, &error, start.elapsed());
            }
            self.api.refuse(error)
        };
        let is_read_only = matches!(*request.method(), Method::GET | Method::HEAD);
        if !is_read_only && !self.api.token.is_carried_by(request.headers()) {
            if let Some(kind) = kind {
                self.api.health.note(kind, ApiError::Unauthorized.verdict(), start);
            }
            return turn_away(ApiError::Unauthorized);
        }
        if self.api.health.is_draining() {
            return turn_away(ApiError::Retry(Code::Draining));
        }
        let mut router = self.router.clone();
        let answer = async {
            let Ok(response) = tower::Service::call(&mut router, request).await;
            response
        };
        // A panic in a handler would close the connection or, as others answer it, be a 500, and the vote would be lost. What
        // it says may quote what somebody sent.
        caught(answer)
            .await
            .unwrap_or_else(|_| turn_away(ApiError::Retry(Code::Internal)))
    }
}

impl<B: Backend, T> tower::Service<Request<T>> for ApiService<B>
where
    T: HttpBody<Data = Bytes> + Send + 'static,
    T::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<T>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.handle(request).await) })
    }
}

/// What is to be signed, judged by the path.
fn signing_kind<T>(request: &Request<T>) -> Option<Kind> {
    let path = request.uri().path();
    let kind = SIGNING_PATHS.iter().find(|(known, _)| *known == path);
    kind.filter(|_| request.method() == Method::POST).map(|(_, kind)| *kind)
}

/// A client whose URL ends in a slash asks for `//votes`.
fn normalise(uri: &mut Uri) {
    if !uri.path().starts_with("//") {
        return;
    }
    let text = uri.path_and_query().map_or("", PathAndQuery::as_str);
    if let Ok(shorter) = format!("/{}", text.trim_start_matches('/')).parse() {
        *uri = shorter;
    }
}
