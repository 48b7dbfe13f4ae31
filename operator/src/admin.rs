//! The operator's own port: health and metrics.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::cluster::stores::Stores;
use crate::leader::Standing;
use crate::telemetry::Metrics;

/// State that the endpoints report.
#[derive(Clone)]
pub struct Admin {
    pub metrics: Arc<Metrics>,
    pub standing: watch::Receiver<Standing>,
    /// Caches filled by the leader's watches.
    pub stores: Arc<OnceLock<Stores>>,
}

/// `/livez`, `/readyz` and `/metrics`.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(admin)
}

/// Opens the listening socket.
///
/// # Errors
/// Fails if the address cannot be bound.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    let bound = match TcpListener::bind(address).await {
        // A host may have no IPv6.
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && error.kind() != ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    };
    bound.map_err(|error| {
        format!("--admin-address: cannot listen on {address}: {error}; choose another address or port")
    })
}

/// Alive while watches are re-established and reconciles finish.
async fn live(State(admin): State<Admin>) -> Response {
    match admin.metrics.progress.stuck(Instant::now()) {
        None => "ok\n".into_response(),
        Some(stuck) => {
            tracing::error!("{stuck}: the liveness probe fails with 503, so that the container restarts");
            unavailable(format!("{stuck}\n"))
        }
    }
}

/// Ready if the operator leads and has the first list of bindings, or if it knows that another operator leads. Without
/// the list, it cannot tell which of two bindings is older.
async fn ready(State(admin): State<Admin>) -> Response {
    let standing = admin.standing.borrow().clone();
    match (admin.stores.get(), standing) {
        (Some(stores), _) => {
            match tokio::time::timeout(Duration::from_millis(100), stores.bindings.wait_until_ready()).await {
                Ok(Ok(())) => "ok\n".into_response(),
                _ => unavailable("the list of SignerBindings is not available yet\n".to_owned()),
            }
        }
        (None, Standing::Waiting(holder)) => format!("waiting: {holder} is the leader\n").into_response(),
        (None, Standing::Unknown | Standing::Leading) => {
            unavailable("the leader is not known yet: the Lease was not read\n".to_owned())
        }
    }
}

fn unavailable(text: String) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn metrics(State(admin): State<Admin>) -> Response {
    match admin.metrics.text(admin.stores.get()) {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written as text");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn where_both_families_are_meant_probes_of_either_find_it() {
        let listener = bind("[::]:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        TcpStream::connect((Ipv4Addr::LOCALHOST, address.port())).await.unwrap();
        if address.is_ipv6() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, address.port())).await.unwrap();
        }
        let taken = bind(address).await.unwrap_err();
        assert!(taken.contains(&address.to_string()), "{taken}");
    }
}
