use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;

use super::error::ApiError;
use crate::{
    service::Service,
    telemetry::{Audit, Health, Metrics},
    token::Token,
};

/// The dependencies of the handlers.
#[derive(Debug)]
pub struct Api<B> {
    /// Rules and key.
    pub service: Service<B>,
    /// The accepted tokens: each request must carry one.
    pub token: Token,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The state that the management port shows.
    pub health: Arc<Health>,
    /// The audit trail.
    pub audit: Audit,
}

impl<B> Api<B> {
    /// Counts an error, and converts it to an answer.
    pub fn refuse(&self, error: ApiError) -> Response<Full<Bytes>> {
        self.metrics.refuse(error.reason());
        error.into_response()
    }
}
