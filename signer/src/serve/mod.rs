//! Starts and stops the signer.

mod budget;
mod error;
mod essential;
mod startup;
mod threads;

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use budget::Budget;
pub use error::ServeError;
use error::expect;
use essential::essential;
use threads::{Served, Threads, beat};

use crate::{
    backend::{self, Backend, BackendError, LocalKey},
    config::{Config, KeyConfig},
    http::{Api, router, server::Connections},
    management::{self, Management},
    net::Place,
    policy::Policy,
    process,
    protocol::Address,
    service::Service,
    telemetry::{Audit, Health, Identity, Metrics},
};

/// How long running requests may take after the stop signal.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// The last part of that time, in which requests that wait for a signature are answered with 429.
const LAST_ANSWERS: Duration = Duration::from_millis(500);
const DRAIN_POLL: Duration = Duration::from_millis(10);
/// A voter node gives up after one second without a byte. The rest is for the network.
const DEADLINE_LIMIT: Duration = Duration::from_millis(950);

/// Serves until SIGTERM or SIGINT, then answers running requests and returns.
///
/// # Errors
/// The signer could not start.
pub fn serve(config: Config) -> Result<(), ServeError> {
    if config.deadline > DEADLINE_LIMIT {
        tracing::warn!(
            "ATTO_SIGNER_DEADLINE: found {} ms, expected at most {} ms. A voter node times out after one second, so it \
            would not see a later answer and its cause",
            config.deadline.as_millis(),
            DEADLINE_LIMIT.as_millis(),
        );
    }
    let backend = config.key.backend();
    let (health, metrics) = (Arc::<Health>::default(), Arc::new(Metrics::new(backend)?));
    let local = match &config.key {
        KeyConfig::Local(seed) => Some(LocalKey::new(seed)?),
        KeyConfig::Remote(_) => None,
    };
    if let Some(key) = &local {
        expect(key.public_key(), config.expected_public_key)?;
    }
    let audit =
        Audit::start(&config.audit, metrics.audit_dropped.clone()).map_err(|source| match &config.audit.file {
            Some(path) => ServeError::Audit {
                path: path.clone(),
                source,
            },
            None => source.into(),
        })?;
    let (stop, stopped) = watch::channel(false);
    let listeners = config
        .management
        .place
        .listen(config.management.port)
        .map_err(|(address, source)| ServeError::Listen {
            variable: "ATTO_SIGNER_MANAGEMENT_PORT",
            address,
            source,
        })?;
    let shown = Management {
        health: health.clone(),
        metrics: metrics.clone(),
    };
    let budget = budget(&config);
    if let Some(warning) = budget.warning(process::open_files()) {
        tracing::warn!("{warning}");
    }
    let management = management::spawn(listeners, shown, budget.management, stopped)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(start(config, local, health.clone(), metrics, audit.clone()));
    // From here on, every task may end.
    health.drain();
    audit.close();
    // The management port outlives the API, so that probes are answered while the API drains.
    stop.send_replace(true);
    if management.join().is_err() {
        tracing::warn!("the management thread ended in a panic");
    }
    // Calls to a remote backend may still be running, but their results are not needed.
    runtime.shutdown_background();
    result
}

fn budget(config: &Config) -> Budget {
    let is_remote = matches!(config.key, KeyConfig::Remote(_));
    Budget::of(process::open_files(), config.threads, is_remote)
}

/// Tests the key, for as long as that takes, and serves.
async fn start(
    config: Config,
    local: Option<LocalKey>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    audit: Audit,
) -> Result<(), ServeError> {
    let mut signals = Signals::new()?;
    let heart = tokio::spawn(beat(health.heart()));
    essential(&health, "the thread that writes the audit trail", audit.clone().ended());
    let result = match (&config.key, local) {
        (KeyConfig::Remote(location), _) => {
            let backend = Arc::new(metrics.add_backend()?);
            let starting = startup::prove(&**location, &config, &health, backend);
            tokio::select! {
                remote = starting => match remote {
                    Ok(remote) => {
                        essential(&health, "the watch of the backend", remote.watch());
                        serve_api(config, remote, health, metrics, audit, signals).await
                    }
                    Err(error) => Err(error),
                },
                name = signals.next() => {
                    tracing::info!("{name}: ending; the key was not proven yet");
                    Ok(())
                }
            }
        }
        (KeyConfig::Local(_), Some(key)) => {
            backend::prove_twice(&key).await?;
            serve_api(config, key, health, metrics, audit, signals).await
        }
        (KeyConfig::Local(_), None) => Err(BackendError::Sign.into()),
    };
    heart.abort();
    result
}

async fn serve_api<B: Backend>(
    config: Config,
    key: B,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    audit: Audit,
    mut signals: Signals,
) -> Result<(), ServeError> {
    let public_key = key.public_key();
    let identity = Identity {
        public_key: public_key.to_string(),
        address: Address(public_key).to_string(),
        backend: config.key.backend(),
        capabilities: config.capabilities.names(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let place = config.place.unwrap_or(Place::All);
    let listeners = place
        .listen_shared(config.port, config.threads)
        .map_err(|(address, source)| ServeError::Listen {
            variable: "ATTO_SIGNER_PORT",
            address,
            source,
        })?;
    announce(&config, &identity, listeners.first().map_or(&[], Vec::as_slice));
    metrics.show_key(&identity);
    audit.begin(&identity);
    let (followed, room) = (config.token.clone(), budget(&config).api);
    let policy = Policy::new(config.capabilities, public_key).with_rules(config.rules);
    let service = router(Api {
        service: Service::new(policy, key),
        token: config.token,
        metrics,
        health: health.clone(),
        audit,
    });
    let (stop, stopped) = watch::channel(false);
    let connections = Arc::new(Connections::new(room));
    let served = Served {
        service,
        connections: connections.clone(),
        health: health.clone(),
        stopped,
    };
    if let Some(file) = &config.token_file {
        // It was read before the key was proven, which may have taken hours.
        file.add_to(&followed);
    }
    let _threads = Threads::start(listeners, &served)?;
    drop(served);
    if let Some(file) = config.token_file {
        essential(&health, "the reading of ATTO_SIGNER_TOKEN_FILE", file.follow(followed));
    }
    health.become_ready(identity);
    let name = signals.next().await;
    tracing::info!("{name}: answering the requests in progress, then ending");
    health.drain();
    stop.send_replace(true);
    // Each listener first accepts the connections in its backlog.
    stop.closed().await;
    drain(&connections, &health).await;
    Ok(())
}

fn announce(config: &Config, identity: &Identity, listeners: &[TcpListener]) {
    if config.place.is_none() {
        tracing::warn!(
            "ATTO_SIGNER_ADDRESS is not set: the signing API listens on all addresses of this host. Set it to `localhost` \
            if node and signer share a pod or a host"
        );
    }
    let addresses: Vec<String> = listeners
        .iter()
        .filter_map(|listener| listener.local_addr().ok())
        .map(|address| address.to_string())
        .collect();
    tracing::info!(
        "signing for {} (public key {}, backend {}) on {}; allowed: {}; management on port {}",
        identity.address,
        identity.public_key,
        identity.backend,
        addresses.join(" and "),
        config.capabilities,
        config.management.port,
    );
}

async fn drain(connections: &Connections, health: &Health) {
    let deadline = Instant::now() + DRAIN_LIMIT;
    let empty = async || {
        while connections.count() > 0 {
            sleep(DRAIN_POLL).await;
        }
    };
    if timeout_at(deadline - LAST_ANSWERS, empty()).await.is_ok() {
        return;
    }
    health.give_up();
    if timeout_at(deadline, empty()).await.is_err() {
        tracing::warn!(
            "{} connections were closed before their answer, {} s after the signal",
            connections.count(),
            DRAIN_LIMIT.as_secs()
        );
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
