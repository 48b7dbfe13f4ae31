//! What happens to every request, whatever its path.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
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
    auth::Token,
    body::Drained,
    docs,
    error::{ApiError, Code},
    handlers,
};
use crate::{
    backend::Backend,
    service::Service,
    telemetry::{ClientFault, Health, Metrics, Verdict},
};

/// Where the key is told.
pub const PUBLIC_KEYS: &str = "/public-keys";
/// Where blocks are signed.
pub const BLOCKS: &str = "/blocks";
/// Where votes are signed.
pub const VOTES: &str = "/votes";
/// Where challenges are signed.
pub const CHALLENGES: &str = "/challenges";

const SIGNING_PATHS: [&str; 3] = [VOTES, CHALLENGES, BLOCKS];

/// What the handlers need.
#[derive(Debug)]
pub struct Api<B> {
    /// Rules and key.
    pub service: Service<B>,
    /// What requests have to carry.
    pub token: Token,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// What the management port shows.
    pub health: Arc<Health>,
}

impl<B> Api<B> {
    /// Counts an error, and makes the answer of it.
    pub fn refuse(&self, error: ApiError) -> Response<Body> {
        self.metrics.refuse(error.reason());
        error.into_response()
    }
}

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
    async fn handle<T>(mut self, request: Request<T>) -> Response<Body>
    where
        T: HttpBody<Data = Bytes> + Send + 'static,
        T::Error: Into<BoxError>,
    {
        let mut request = request.map(Drained::wrap);
        normalise(request.uri_mut());
        let is_read_only = matches!(*request.method(), Method::GET | Method::HEAD);
        if !is_read_only && !self.api.token.is_carried_by(request.headers()) {
            if request.method() == Method::POST && SIGNING_PATHS.contains(&request.uri().path()) {
                self.api
                    .health
                    .note(Verdict::Fault(ClientFault::WrongToken), Instant::now());
            }
            return self.api.refuse(ApiError::Unauthorized);
        }
        if self.api.health.is_draining() {
            return self.api.refuse(ApiError::Retry(Code::Draining));
        }
        let answer = async {
            let Ok(response) = tower::Service::call(&mut self.router, request).await;
            response
        };
        guarded(answer)
            .await
            .unwrap_or_else(|Panicked| self.api.refuse(ApiError::Retry(Code::Internal)))
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

struct Panicked;

/// A panic in a handler would close the connection or, as others answer it, be a 500, and the vote would be lost.
async fn guarded<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.map_or(Poll::Ready(Err(Panicked)), |poll| poll.map(Ok))
    })
    .await
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
