//! The real signer without sockets, between the model of the node and a scripted backend: for tests with a paused clock, so that
//! ten minutes of outage are simulated instead of waited for.

mod backend;
mod dial;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use ed25519_dalek::VerifyingKey;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use signer::http::Api;
use signer::management::{self, Management};
use signer::policy::{Capabilities, Policy};
use signer::protocol::{Address, Kind};
use signer::service::{Remote, Service};
use signer::telemetry::{Audit, AuditConfig, AuditMode, BackendHealth, BackendMetrics, Health, Identity, Metrics};
use signer::token::Token;
use tokio::time::sleep;
use tower::ServiceExt;

pub use backend::{Mode, SimulatedKms};
pub use dial::Door;

use crate::node_client::NodeClient;
use crate::signer_process::TOKEN;

/// The default of `ATTO_SIGNER_DEADLINE`.
const DEADLINE: Duration = Duration::from_millis(900);

/// Pause between attempts of a start.
const PAUSE: Duration = Duration::from_secs(2);

/// A signer of votes. Its API is closed until [`Simulated::open`].
pub struct Simulated {
    pub kms: SimulatedKms,
    pub node: NodeClient,
    pub key: VerifyingKey,
    door: Door,
    management: Management,
    backend: (Arc<BackendHealth>, Arc<BackendMetrics>),
    audit: Audit,
}

impl Simulated {
    /// Like a process that was just started.
    ///
    /// # Errors
    /// If the signer's metrics conflict.
    pub fn start() -> Result<Self> {
        let kms = SimulatedKms::default();
        let metrics = Arc::new(Metrics::new("GCP")?);
        let backend = (Arc::<BackendHealth>::default(), Arc::new(metrics.add_backend()?));
        let health = Arc::<Health>::default();
        health.watch_backend(backend.0.clone());
        let off = AuditConfig {
            mode: AuditMode::Off,
            file: None,
        };
        let audit = Audit::start(&off, metrics.audit_dropped.clone())?;
        let door = Door::default();
        Ok(Self {
            key: kms.verifying_key(),
            node: node(&door),
            kms,
            door,
            management: Management { health, metrics },
            backend,
            audit,
        })
    }

    /// A signer of votes, once it signs.
    ///
    /// # Errors
    /// As [`Simulated::start`].
    pub async fn started() -> Result<Self> {
        let signer = Self::start()?;
        signer.open().await;
        Ok(signer)
    }

    /// Opens the API once the backend has signed a self-test, like the program.
    pub async fn open(&self) {
        let (health, metrics) = self.backend.clone();
        let remote = Remote::new(
            Arc::new(self.kms.clone()),
            self.kms.public_key(),
            DEADLINE,
            health,
            metrics,
        );
        while remote.prove().await.is_err() {
            sleep(PAUSE).await;
        }
        tokio::spawn(remote.watch());
        let public_key = self.kms.public_key();
        let capabilities = Capabilities::default().with(Kind::Vote);
        self.door.open(signer::router(Api {
            service: Service::new(Policy::new(capabilities, public_key), remote),
            token: Token::new(TOKEN),
            metrics: self.management.metrics.clone(),
            health: self.management.health.clone(),
            audit: self.audit.clone(),
        }));
        self.management.health.become_ready(Identity {
            public_key: public_key.to_string(),
            address: Address(public_key).to_string(),
            backend: "GCP",
            capabilities: capabilities.names(),
            version: env!("CARGO_PKG_VERSION"),
        });
    }

    /// Another node of the same signer, with its own connections.
    pub fn another_node(&self) -> NodeClient {
        node(&self.door)
    }

    /// The answer of the management port.
    ///
    /// # Errors
    /// If the answer is not text.
    pub async fn management(&self, path: &str) -> Result<(StatusCode, String)> {
        let request = Request::get(path).body(String::new())?;
        let response = management::router(self.management.clone()).oneshot(request).await;
        let (head, body) = response.map_err(|never| match never {})?.into_parts();
        let body = body.collect().await.map_err(|error| anyhow!("{error}"))?;
        Ok((head.status, String::from_utf8(body.to_bytes().to_vec())?))
    }
}

fn node(door: &Door) -> NodeClient {
    NodeClient::over(door.clone(), "localhost:9090", TOKEN)
}
