//! The API's documentation: the OpenAPI document, and Swagger UI to read and try it. Everything is served from here, because a
//! page that accepts a token must not load scripts from elsewhere.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Router,
    extract::{Path, Request, State},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::Full;
use utoipa_swagger_ui::{Config, SwaggerFile};

use super::{api::Api, error::ApiError, negotiation, openapi};
use crate::{backend::Backend, protocol::PublicKey};

/// The path of the OpenAPI document, as in the Kotlin signer.
const DOCUMENT: &str = "/v3/api-docs";
/// The path of the page's own files.
const ASSETS: &str = "/swagger-ui/{file}";

/// Replaces Swagger UI's own page, which is compressed; not every client supports that.
const PAGE: &str = include_str!("docs.html");

/// The documentation, and 404 for other paths.
pub fn router<B: Backend>(api: &Arc<Api<B>>) -> Router {
    let not_found = async |State(api): State<Arc<Api<B>>>| api.refuse(ApiError::NotFound);
    let takes_get = async |State(api): State<Arc<Api<B>>>| api.refuse(ApiError::MethodNotAllowed("GET, HEAD"));
    let rendered = render(api.service.policy().public_key());
    let documentation = async |State(api): State<Arc<Api<B>>>, request: Request| document(&api, &request, rendered);
    Router::new()
        .route(DOCUMENT, get(documentation).fallback(takes_get))
        .route("/", get(page).fallback(takes_get))
        .route(ASSETS, get(asset::<B>).fallback(takes_get))
        .fallback(not_found)
        .with_state(api.clone())
}

/// The OpenAPI document of a signer with this key. It never changes, so it is rendered once.
fn render(own: PublicKey) -> Bytes {
    serde_json::to_vec(&openapi::document(own)).map_or_else(|_| Bytes::new(), Bytes::from)
}

/// The OpenAPI document.
fn document<B: Backend>(api: &Api<B>, request: &Request, document: Bytes) -> Response<Full<Bytes>> {
    if !negotiation::accepts_json(request.headers()) {
        return api.refuse(ApiError::NotAcceptable);
    }
    answer("application/json", document)
}

/// The page.
async fn page() -> Response<Full<Bytes>> {
    let mut response = answer("text/html; charset=utf-8", Bytes::from_static(PAGE.as_bytes()));
    let policy = HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// A file of the page.
async fn asset<B: Backend>(State(api): State<Arc<Api<B>>>, Path(name): Path<String>) -> Response<Full<Bytes>> {
    let config = Arc::new(Config::from(DOCUMENT).use_base_layout());
    let Ok(Some(file)) = utoipa_swagger_ui::serve(&name, config) else {
        return api.refuse(ApiError::NotFound);
    };
    let SwaggerFile {
        bytes,
        content_type,
        gzpipped,
        ..
    } = file;
    let bytes = match bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    let mut response = answer(&content_type, bytes);
    if gzpipped {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn answer(content_type: &str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    response
}
