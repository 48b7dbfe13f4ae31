use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

use serde::Serialize;
use tokio::sync::watch;

use super::{
    backend::BackendHealth,
    client::{Client, ClientFault, Complaint, Verdict},
    heart::{Heart, Hearts},
};
use crate::protocol::Kind;

/// This signer's identity, in `/info`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// 64 upper-case hexadecimal digits.
    pub public_key: String,
    /// `atto://…`.
    pub address: String,
    /// The value in `ATTO_SIGNER_BACKEND`.
    pub backend: &'static str,
    /// Sorted.
    pub capabilities: Vec<&'static str>,
    /// Version of this program.
    pub version: &'static str,
}

/// A defect of the process itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// This essential task ended.
    Lost(&'static str),
    /// A runtime of the API is stuck.
    Stuck,
}

impl Defect {
    /// The code in `/health`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Lost(_) => "LOST",
            Self::Stuck => "STUCK",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(name) => write!(formatter, "{name} ended unexpectedly; restart the signer"),
            Self::Stuck => formatter.write_str("a thread of the API has not run for 10 s; restart the signer"),
        }
    }
}

/// The API's state, for the management port.
#[derive(Debug)]
pub struct Health {
    hearts: Hearts,
    lost: OnceLock<&'static str>,
    draining: AtomicBool,
    given_up: watch::Sender<bool>,
    identity: OnceLock<Identity>,
    backend: OnceLock<Arc<BackendHealth>>,
    client: Client,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            hearts: Hearts::default(),
            lost: OnceLock::new(),
            draining: AtomicBool::new(false),
            given_up: watch::Sender::new(false),
            identity: OnceLock::new(),
            backend: OnceLock::new(),
            client: Client::default(),
        }
    }
}

impl Health {
    /// Adds the heartbeat of another runtime of the API.
    pub fn heart(&self) -> Arc<Heart> {
        self.hearts.add()
    }

    /// Records that an essential task ended.
    pub fn lose(&self, name: &'static str) {
        tracing::error!("{name} ended unexpectedly: the liveness probe fails, so that the signer restarts");
        // The first is the cause of the others.
        let _ = self.lost.set(name);
    }

    /// The signer shuts down: from now on, tasks may end.
    pub fn drain(&self) {
        self.draining.store(true, Relaxed);
    }

    /// Whether the signer is shutting down.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// Running requests must be answered now, with 429 if the key has not signed.
    pub fn give_up(&self) {
        self.given_up.send_replace(true);
    }

    /// Returns once running requests must be answered.
    pub async fn given_up(&self) {
        // The sender lives as long as this value.
        let _ = self.given_up.subscribe().wait_for(|given_up| *given_up).await;
    }

    /// The key has passed its self-test.
    pub fn become_ready(&self, identity: Identity) {
        // Set only once: a process has one key.
        let _ = self.identity.set(identity);
    }

    /// This signer's identity, once its key has passed its self-test.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.get()
    }

    /// The key is in a backend that can be unavailable.
    pub fn watch_backend(&self, backend: Arc<BackendHealth>) {
        // Set only once: a process has one backend.
        let _ = self.backend.set(backend);
    }

    /// The backend, if it can be unavailable.
    pub fn backend(&self) -> Option<&BackendHealth> {
        self.backend.get().map(|backend| &**backend)
    }

    /// Whether the key has passed its self-test and the backend signs.
    pub fn is_ready(&self) -> bool {
        let now = tokio::time::Instant::now();
        self.identity().is_some() && self.backend().is_none_or(|backend| backend.is_up(now))
    }

    /// Whether the API's runtimes and all essential tasks are alive.
    pub fn is_alive(&self) -> bool {
        self.defect().is_none()
    }

    /// Why the process must be restarted.
    pub fn defect(&self) -> Option<Defect> {
        if let Some(name) = self.lost.get() {
            return Some(Defect::Lost(name));
        }
        self.hearts.is_one_stuck().then_some(Defect::Stuck)
    }

    /// Records how a signing request of this kind ended.
    pub fn note(&self, kind: Kind, verdict: Verdict, now: Instant) {
        let begins = self.client.note(kind, verdict, now);
        if let (true, Verdict::Fault(fault)) = (begins, verdict) {
            let what = match fault {
                ClientFault::WrongToken => "signing request",
                ClientFault::OtherPublicKey | ClientFault::MissingCapability => kind.name(),
            };
            let (name, remedy) = (fault.name(), fault.remedy());
            tracing::warn!("every {what} of the client is refused ({name}): {remedy}");
        }
    }

    /// The client's worst mistake in all its requests of a kind.
    pub fn client_fault(&self) -> Option<ClientFault> {
        self.complaint().map(|complaint| complaint.fault)
    }

    /// The client's worst mistake, with the affected kinds of messages.
    pub fn complaint(&self) -> Option<Complaint> {
        self.client.complaint(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::heart::LIMIT, *};

    #[test]
    fn a_lost_listener_and_a_stuck_runtime_are_not_alive() {
        let health = Health::default();
        assert!(health.is_alive());
        health.lose("a listener");
        assert!(!health.is_alive());
        health.lose("another one");
        assert_eq!(health.defect(), Some(Defect::Lost("a listener")));

        let Some(start) = Instant::now().checked_sub(LIMIT) else {
            return;
        };
        let health = Health::default();
        let stuck = health.hearts.keep(Heart::since(start));
        assert_eq!(health.defect(), Some(Defect::Stuck));
        stuck.beat();
        assert!(health.is_alive());
    }
}
