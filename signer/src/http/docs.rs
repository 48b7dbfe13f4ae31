//! The API's documentation: the OpenAPI document, and Swagger UI to read it and try it out. All of it comes from here: a page
//! that takes a token must not load scripts from elsewhere.

use std::{borrow::Cow, sync::Arc};

use axum::{
    body::Body,
    extract::{Path, Request, State},
};
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use utoipa_swagger_ui::{Config, SwaggerFile};

use super::{api::Api, error::ApiError, negotiation, openapi};
use crate::{backend::Backend, protocol::PublicKey};

/// Where the OpenAPI document is, as in the Kotlin signer.
pub const DOCUMENT: &str = "/v3/api-docs";
/// Where the page's own files are.
pub const ASSETS: &str = "/swagger-ui/{file}";

/// Swagger UI's own page comes compressed, which not every client undoes.
const PAGE: &str = include_str!("docs.html");

/// The OpenAPI document of a signer with this key. It never changes, so it is made once.
pub fn render(own: PublicKey) -> Bytes {
    serde_json::to_vec(&openapi::document(own)).map_or_else(|_| Bytes::new(), Bytes::from)
}

/// That document.
pub fn document<B: Backend>(api: &Api<B>, request: &Request, document: Bytes) -> Response<Body> {
    if !negotiation::accepts_json(request.headers()) {
        return api.refuse(ApiError::NotAcceptable);
    }
    answer("application/json", document.into())
}

/// The page.
pub async fn page() -> Response<Body> {
    let mut response = answer("text/html; charset=utf-8", PAGE.into());
    let policy = HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// What the page is made of.
pub async fn asset<B: Backend>(State(api): State<Arc<Api<B>>>, Path(name): Path<String>) -> Response<Body> {
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
    let mut response = answer(&content_type, bytes.into());
    if gzpipped {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn answer(content_type: &str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    response
}
