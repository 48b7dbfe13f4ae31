//! Health, metrics and information, on a thread and a runtime of their own, so that they answer independently of the API.

use std::{net::TcpListener, sync::Arc, thread};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    http::server::{Connections, accept, runtime_of},
    telemetry::{BackendHealth, Complaint, Health, Metrics},
};

struct Answer(StatusCode, Value);

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let content_type = HeaderValue::from_static("application/json");
        (self.0, [(header::CONTENT_TYPE, content_type)], self.1.to_string()).into_response()
    }
}

/// The data of the management port.
#[derive(Clone, Debug)]
pub struct Management {
    /// Health and information.
    pub health: Arc<Health>,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

/// The management port's router as a value.
pub fn router(management: Management) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/health/liveness", get(liveness))
        .route("/health/readiness", get(readiness))
        .route("/prometheus", get(metrics))
        .route("/metrics", get(metrics))
        .route("/info", get(info))
        .with_state(management)
}

/// Serves at most this many connections, until told to stop.
///
/// # Errors
/// The thread or its runtime could not be created.
pub fn spawn(
    listeners: Vec<TcpListener>,
    management: Management,
    max_connections: usize,
    stop: watch::Receiver<bool>,
) -> std::io::Result<thread::JoinHandle<()>> {
    let (runtime, listeners) = runtime_of(listeners)?;
    thread::Builder::new().name("management".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let connections = Arc::new(Connections::new(max_connections));
            let router = router(management);
            for listener in listeners {
                tokio::spawn(accept(listener, router.clone(), connections.clone(), stop.clone()));
            }
            let mut stop = stop;
            // An error means that the sender is gone, which also means to stop.
            let _ = stop.changed().await;
        });
    })
}

async fn health(State(Management { health, .. }): State<Management>) -> Answer {
    let ready = health.is_ready();
    let complaint = health.complaint();
    let client = match &complaint {
        None => json!({ "status": "UP" }),
        Some(Complaint { fault, kinds }) => {
            let mut details = json!({ "reason": fault.name(), "remedy": fault.remedy() });
            if !kinds.is_empty() {
                details["kinds"] = kinds.iter().map(|kind| kind.name()).collect();
            }
            json!({ "status": "DOWN", "details": details })
        }
    };
    let status = |up| if up { "UP" } else { "DOWN" };
    let mut backend = json!({ "status": status(ready) });
    if let Some(fault) = health.backend().and_then(BackendHealth::fault) {
        backend["details"] = json!({ "code": fault.cause.name(), "message": fault.text() });
    }
    let mut components = json!({ "backend": backend, "client": client });
    let defect = health.defect();
    if let Some(defect) = defect {
        let details = json!({ "code": defect.code(), "message": defect.to_string() });
        components["process"] = json!({ "status": "DOWN", "details": details });
    }
    let up = ready && complaint.is_none() && defect.is_none();
    Answer(
        StatusCode::OK,
        json!({ "status": status(up), "components": components }),
    )
}

async fn liveness(State(Management { health, .. }): State<Management>) -> Answer {
    verdict(health.is_alive())
}

async fn readiness(State(Management { health, .. }): State<Management>) -> Answer {
    verdict(health.is_ready())
}

fn verdict(up: bool) -> Answer {
    let (code, status) = if up {
        (StatusCode::OK, "UP")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "DOWN")
    };
    Answer(code, json!({ "status": status }))
}

async fn metrics(State(Management { metrics, health }): State<Management>) -> impl IntoResponse {
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, content_type)], metrics.render(&health))
}

async fn info(State(Management { health, metrics }): State<Management>) -> Answer {
    match health.identity() {
        Some(identity) => {
            let mut info = json!(identity);
            if let Some(latency) = metrics.latencies.latency() {
                info["latency"] = json!(latency);
            }
            Answer(StatusCode::OK, info)
        }
        None => Answer(
            StatusCode::SERVICE_UNAVAILABLE,
            json!({ "message": "The key is not proven yet." }),
        ),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http_body_util::BodyExt;
    use tower::Service;

    use super::*;

    #[tokio::test]
    async fn what_is_lost_is_in_health_and_nothing_is_said_of_what_is_not() {
        let management = Management {
            health: Arc::default(),
            metrics: Arc::new(Metrics::new("LOCAL").unwrap()),
        };
        let asked = async |path: &str| {
            let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
            let response = router(management.clone()).call(request).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            serde_json::from_slice::<Value>(&body).unwrap()
        };
        assert_eq!(asked("/health").await["components"].get("process"), None);
        management.health.lose("a listener of the API");
        let message = "a listener of the API ended unexpectedly; restart the signer";
        let process = json!({ "status": "DOWN", "details": { "code": "LOST", "message": message } });
        let health = asked("/health").await;
        assert_eq!(
            (&health["status"], &health["components"]["process"]),
            (&json!("DOWN"), &process)
        );
        assert_eq!(asked("/health/liveness").await["status"], "DOWN");
    }
}
