//! The request handler of a port.

use std::future::Future;

use axum::{
    BoxError, Router,
    body::{Body, HttpBody},
};
use bytes::Bytes;
use http::{Request, Response};
use tower::Service;

use super::arrival::Arriving;

/// Answers every request. One value serves all connections of a port.
pub trait Answer: Clone + Send + Sync + 'static {
    /// The body of an answer.
    type Body: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static;

    /// The answer to a request.
    fn answer(&self, request: Request<Arriving>) -> impl Future<Output = Response<Self::Body>> + Send;
}

impl Answer for Router {
    type Body = Body;

    async fn answer(&self, request: Request<Arriving>) -> Response<Body> {
        let Ok(response) = self.clone().call(request).await;
        response
    }
}
