//! From settings to a running signer, and to its end.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{
    net::TcpListener,
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use crate::{
    backend::{self, Backend, BackendError, LocalKey},
    cli,
    config::Config,
    http::{
        Api, router,
        server::{Connections, accept},
    },
    management::{self, Management},
    net::Place,
    policy::Policy,
    process,
    protocol::{Address, PublicKey},
    service::Service,
    telemetry::{Health, Identity, Metrics},
};

const BACKEND: &str = "LOCAL";
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long requests under way may take after the signal to end.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
const DRAIN_POLL: Duration = Duration::from_millis(10);

/// Why the signer does not serve.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The key did not prove itself.
    #[error("ATTO_SIGNER_KEY: {0}")]
    Key(#[from] BackendError),
    /// Another key than the one that has to be there.
    #[error(
        "ATTO_SIGNER_EXPECTED_PUBLIC_KEY: found a key of {} ({}), expected {} ({}); set the key or the expectation right",
        Address(*.found), .found, Address(*.expected), .expected
    )]
    OtherKey {
        /// The key at hand.
        found: PublicKey,
        /// The key that was asked for.
        expected: PublicKey,
    },
    /// A port is not to be had.
    #[error("{variable}: {address} cannot be listened on ({source}); {}", remedy(.source))]
    Listen {
        /// The variable with the port.
        variable: &'static str,
        /// What was tried.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something else.
    #[error("the signer could not be started: {0}")]
    System(#[from] io::Error),
    /// A defect: the metrics contradict each other.
    #[error("the metrics could not be set up: {0}")]
    Metrics(#[from] prometheus::Error),
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another process has the port: stop it, or set another port",
        io::ErrorKind::PermissionDenied => "ports below 1024 take a privilege: set another port",
        _ => "set another address or port",
    }
}

impl ServeError {
    /// What the program exits with.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::OtherKey { .. } | Self::Listen { .. } => cli::CONFIGURATION,
            Self::Key(_) | Self::System(_) | Self::Metrics(_) => cli::UNAVAILABLE,
        }
    }
}

/// Serves until SIGTERM or SIGINT; then answers what is under way and returns.
///
/// # Errors
/// It could not start.
pub fn serve(config: Config) -> Result<(), ServeError> {
    process::prepare();
    let key = LocalKey::new(&config.key.seed)?;
    let found = key.public_key();
    if let Some(expected) = config.expected_public_key.filter(|expected| *expected != found) {
        return Err(ServeError::OtherKey { found, expected });
    }
    let (health, metrics) = (Arc::<Health>::default(), Arc::new(Metrics::new(BACKEND)?));
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
    let management = management::spawn(listeners, shown, stopped)?;
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(config.threads)
        .thread_name("api")
        .enable_all()
        .build()?;
    let result = runtime.block_on(serve_api(config, key, health, metrics));
    // The management port outlives the API: while that drains, probes are answered.
    stop.send_replace(true);
    if management.join().is_err() {
        tracing::warn!("the management thread ended in a panic");
    }
    result
}

async fn serve_api(
    config: Config,
    key: LocalKey,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
) -> Result<(), ServeError> {
    let mut signals = Signals::new()?;
    backend::prove(&key).await?;
    let public_key = key.public_key();
    let identity = Identity {
        public_key: public_key.to_string(),
        address: Address(public_key).to_string(),
        backend: BACKEND,
        capabilities: config.capabilities.names(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let place = config.place.unwrap_or(Place::All);
    let listeners = place
        .listen(config.port)
        .map_err(|(address, source)| ServeError::Listen {
            variable: "ATTO_SIGNER_PORT",
            address,
            source,
        })?;
    let listeners = listeners
        .into_iter()
        .map(TcpListener::from_std)
        .collect::<io::Result<Vec<_>>>()?;
    announce(&config, &identity, &listeners);
    let policy = Policy::new(config.capabilities, public_key);
    let service = router(Api {
        service: Service::new(policy, key),
        token: config.token,
        metrics,
        health: health.clone(),
    });
    let (stop, stopped) = watch::channel(false);
    let connections = Arc::<Connections>::default();
    for listener in listeners {
        let accepting = tokio::spawn(accept(listener, service.clone(), connections.clone(), stopped.clone()));
        let (health, stopped) = (health.clone(), stopped.clone());
        tokio::spawn(async move {
            let ended = accepting.await;
            if !*stopped.borrow() {
                tracing::error!("the API takes no connections any more ({ended:?}): the liveness probe will tell");
                health.lose_listener();
            }
        });
    }
    health.become_ready(identity);
    let heart = tokio::spawn(beat(health.clone()));
    let name = signals.next().await;
    tracing::info!("{name}: answering what is under way, then ending");
    health.drain();
    stop.send_replace(true);
    drain(&connections).await;
    heart.abort();
    Ok(())
}

fn announce(config: &Config, identity: &Identity, listeners: &[TcpListener]) {
    if config.place.is_none() {
        tracing::warn!(
            "ATTO_SIGNER_ADDRESS is not set: the signing API listens on all addresses of this machine; \
             set it to `localhost` where node and signer share a pod or a machine"
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

async fn beat(health: Arc<Health>) {
    loop {
        health.beat();
        sleep(HEARTBEAT).await;
    }
}

async fn drain(connections: &Connections) {
    let deadline = Instant::now() + DRAIN_LIMIT;
    let empty = async {
        while connections.count() > 0 {
            sleep(DRAIN_POLL).await;
        }
    };
    if timeout_at(deadline, empty).await.is_err() {
        tracing::warn!(
            "{} connections were cut off: not done {} s after the signal",
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
