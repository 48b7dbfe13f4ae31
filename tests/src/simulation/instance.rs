//! One process of the signer, from its start to its end: connected like the program, without sockets.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use signer::http::Api;
use signer::policy::{Capabilities, Policy};
use signer::protocol::{Address, Kind};
use signer::service::{Remote, Service};
use signer::telemetry::{Audit, AuditConfig, AuditMode, BackendHealth, Health, Identity, Metrics};
use signer::token::Token;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::kms::{Kms, KmsSession};
use crate::metrics;
use crate::simulated::Door;

/// The default of `ATTO_SIGNER_DEADLINE`.
pub const DEADLINE: Duration = Duration::from_millis(900);

/// Pause between attempts of a start.
const PAUSE: Duration = Duration::from_secs(2);

pub struct Instance {
    pub number: usize,
    pub health: Arc<Health>,
    pub metrics: Arc<Metrics>,
    session: KmsSession,
    audit: Audit,
    file: PathBuf,
    watch: Option<JoinHandle<()>>,
}

/// The remains of an ended process.
#[derive(Debug)]
pub struct Remains {
    pub number: usize,
    pub audit: String,
    pub lost_lines: u64,
}

/// Gauges and counters, and the key service's own counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    pub at_backend: f64,
    pub waiting: f64,
    pub breaker_open: f64,
    pub attempts: f64,
    pub ended: f64,
    pub under_way: usize,
}

impl Instance {
    /// A newly started process.
    pub fn new(number: usize, kms: &Kms, file: PathBuf) -> Result<Self> {
        let metrics = Arc::new(Metrics::new("GCP")?);
        let config = AuditConfig {
            mode: AuditMode::All,
            file: Some(file.clone()),
        };
        let audit = Audit::start(&config, metrics.audit_dropped.clone())?;
        Ok(Self {
            number,
            health: Arc::default(),
            metrics,
            session: kms.session(number),
            audit,
            file,
            watch: None,
        })
    }

    /// Tests the key, and opens the door.
    pub async fn start(&mut self, kms: &Kms, token: &Token, door: &Door) -> Result<()> {
        let backend = Arc::<BackendHealth>::default();
        self.health.watch_backend(backend.clone());
        let session = Arc::new(self.session.clone());
        let metrics = Arc::new(self.metrics.add_backend()?);
        let remote = Remote::new(session, kms.public_key(), DEADLINE, backend, metrics);
        loop {
            let now = Instant::now();
            if remote.prove().await.is_ok() {
                break;
            }
            sleep_until(now + PAUSE).await;
        }
        self.watch = Some(tokio::spawn(remote.watch()));
        let public_key = kms.public_key();
        let capabilities = Capabilities::default().with(Kind::Vote).with(Kind::Challenge);
        door.open(signer::router(Api {
            service: Service::new(Policy::new(capabilities, public_key), remote),
            token: token.clone(),
            metrics: self.metrics.clone(),
            health: self.health.clone(),
            audit: self.audit.clone(),
        }));
        self.health.become_ready(Identity {
            public_key: public_key.to_string(),
            address: Address(public_key).to_string(),
            backend: "GCP",
            capabilities: capabilities.names(),
            version: env!("CARGO_PKG_VERSION"),
        });
        Ok(())
    }

    /// As in a scrape.
    pub fn figures(&self, kms: &Kms) -> Result<Figures> {
        let text = String::from_utf8(self.metrics.render(&self.health))?;
        let figure = |name| metrics::sum(&text, name);
        Ok(Figures {
            at_backend: figure("atto_signer_backend_hashes")?,
            waiting: figure("atto_signer_waiting_hashes")?,
            breaker_open: figure("atto_signer_breaker_open")?,
            attempts: figure("atto_signer_backend_attempts_total")?,
            ended: figure("atto_signer_backend_calls_total")?,
            under_way: kms.under_way(self.number),
        })
    }

    /// Accepts no more connections, answers running requests, and ends.
    pub async fn end(self, door: &Door) -> Result<Remains> {
        door.close();
        self.health.drain();
        sleep(DEADLINE + Duration::from_millis(10)).await;
        if let Some(watch) = &self.watch {
            watch.abort();
        }
        self.session.end();
        self.audit.close();
        let audit = fs::read_to_string(&self.file).with_context(|| self.file.display().to_string())?;
        fs::remove_file(&self.file)?;
        Ok(Remains {
            number: self.number,
            audit,
            lost_lines: self.metrics.audit_dropped.get(),
        })
    }
}
