//! A signer as a value, and requests to it.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use signer::{
    backend::{Backend, LocalKey},
    http::{Api, ApiService},
    policy::{Capabilities, Policy},
    protocol::Kind,
    service::Service,
    telemetry::{Audit, AuditConfig, AuditMode, Health, Metrics},
    token::Token,
};
use tower::ServiceExt;

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub const SEED: &str = "0000000000000000000000000000000000000000000000000000000000000000";
pub const PUBLIC_KEY: &str = "3B6A27BCCEB6A42D62A3A8D02A6F0D73653215771DE243A63AC048A18B59DA29";

pub struct Signer<B = LocalKey> {
    pub service: ApiService<B>,
    pub health: Arc<Health>,
    pub metrics: Arc<Metrics>,
    pub audit: Audit,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The text of a 400.
    pub fn complaint(&self) -> String {
        assert_eq!(self.status, 400, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/json");
        let json = self.json();
        assert_eq!(json.as_object().map(serde_json::Map::len), Some(1), "{json}");
        json["message"].as_str().expect("a message").to_owned()
    }

    pub fn signature(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()["signature"].as_str().expect("a signature").to_owned()
    }
}

pub fn everything() -> Capabilities {
    Capabilities::default()
        .with(Kind::Block)
        .with(Kind::Vote)
        .with(Kind::Challenge)
}

pub fn local_key(seed: &str) -> LocalKey {
    LocalKey::new(&seed.parse().unwrap()).unwrap()
}

pub fn signer() -> Signer {
    Signer::new(local_key(SEED), everything())
}

impl<B: Backend> Signer<B> {
    pub fn new(backend: B, capabilities: Capabilities) -> Self {
        let policy = Policy::new(capabilities, backend.public_key());
        Self::with_policy(backend, policy)
    }

    pub fn with_policy(backend: B, policy: Policy) -> Self {
        Self::with_audit(
            backend,
            policy,
            &AuditConfig {
                mode: AuditMode::Off,
                file: None,
            },
        )
    }

    pub fn with_audit(backend: B, policy: Policy, audit: &AuditConfig) -> Self {
        let (health, metrics) = (Arc::<Health>::default(), Arc::new(Metrics::new("LOCAL").unwrap()));
        let audit = Audit::start(audit, metrics.audit_dropped.clone()).unwrap();
        let service = signer::router(Api {
            service: Service::new(policy, backend),
            token: Token::new(TOKEN),
            metrics: metrics.clone(),
            health: health.clone(),
            audit: audit.clone(),
        });
        Self {
            service,
            health,
            metrics,
            audit,
        }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.service.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// The status and length of an answer that may not be text.
    pub async fn fetch(&self, request: Request<Body>) -> (StatusCode, usize) {
        let response = self.service.clone().oneshot(request).await.unwrap();
        let status = response.status();
        (status, response.into_body().collect().await.unwrap().to_bytes().len())
    }

    /// A POST as the node sends it.
    pub async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(post(path).body(body.into()).unwrap()).await
    }
}

pub fn post(path: &str) -> http::request::Builder {
    Request::post(path)
        .header("authorization", TOKEN)
        .header("content-type", "application/json")
        .header("accept", "application/json")
}

/// A vote of the signer's key, with these fields replaced.
pub fn vote(changes: &Value) -> Value {
    let mut target = serde_json::json!({
        "version": 0, "algorithm": "V1", "publicKey": PUBLIC_KEY, "blockAlgorithm": "V1", "blockHash": "AB".repeat(32), "timestamp": 1,
    });
    for (name, value) in changes.as_object().expect("an object") {
        target[name] = value.clone();
    }
    serde_json::json!({ "target": target })
}
