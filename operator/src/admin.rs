//! The operator's own port: health and metrics.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use crds::SignerBinding;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use tokio::net::TcpListener;

use crate::telemetry::Metrics;

/// What the endpoints tell about.
#[derive(Clone)]
pub struct Admin {
    pub metrics: Arc<Metrics>,
    pub bindings: Store<DeserializeGuard<SignerBinding>>,
}

/// `/livez`, `/readyz` and `/metrics`.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(admin)
}

/// Serves until the future is dropped.
///
/// # Errors
/// Fails if the address cannot be listened on.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| {
        format!("--admin-address: cannot listen on {address}: {error}; choose another address or port")
    })
}

/// Ready once the first list of bindings is there. Without it the operator would not know who came first.
async fn ready(State(admin): State<Admin>) -> Response {
    match tokio::time::timeout(std::time::Duration::from_millis(100), admin.bindings.wait_until_ready()).await {
        Ok(Ok(())) => "ok\n".into_response(),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the list of SignerBindings is not there yet\n",
        )
            .into_response(),
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    match admin.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written as text");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
