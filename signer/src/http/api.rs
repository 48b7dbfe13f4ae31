use std::sync::Arc;

use axum::body::Body;
use http::Response;

use super::error::ApiError;
use crate::{
    service::Service,
    telemetry::{Audit, Health, Metrics},
    token::Token,
};

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
    /// What is written down.
    pub audit: Audit,
}

impl<B> Api<B> {
    /// Counts an error, and makes the answer of it.
    pub fn refuse(&self, error: ApiError) -> Response<Body> {
        self.metrics.refuse(error.reason());
        error.into_response()
    }
}
