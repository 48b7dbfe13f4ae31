//! Google Cloud KMS according to its published REST API, for Ed25519 key versions, with configurable faults.
//!
//! It makes real signatures. Faults of a call come from the queue of its method ([`FakeKms::faults`]), faults of the
//! connection from the [`Front`] of its server. A call that IAM or the key's state forbids stays forbidden until it is
//! allowed again.

mod calls;
mod code;
mod crc32c;
mod fault;
mod key;
mod methods;
mod state;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use ed25519_dalek::{SigningKey, VerifyingKey};
use futures::FutureExt;
use http::Request;

pub use calls::Calls;
pub use code::Code;
pub use crc32c::crc32c;
pub use fault::Fault;
pub use state::{KeyState, Permission};

use crate::fake_server::{FakeServer, Front, Script};
use key::Key;
use state::State;

/// The default key version.
pub const KEY_VERSION: &str = "projects/p/locations/global/keyRings/r/cryptoKeys/voter/cryptoKeyVersions/1";

/// The two methods that a signer calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET /v1/{name}/publicKey`
    GetPublicKey,
    /// `POST /v1/{name}:asymmetricSign`
    AsymmetricSign,
}

/// A KMS, usually with one key version. It ends when this value is dropped.
pub struct FakeKms {
    server: FakeServer,
    kms: Arc<Kms>,
}

/// State that all connections share.
pub(super) struct Kms {
    key: Key,
    others: Vec<Key>,
    state: Mutex<State>,
    public_key: Script<Fault>,
    sign: Script<Fault>,
    calls: Calls,
}

impl FakeKms {
    /// Serves a key with this seed in the running tokio runtime.
    ///
    /// # Errors
    /// If there is no free port.
    pub fn start(seed: [u8; 32]) -> Result<Self> {
        Self::start_with(seed, Front::Serving)
    }

    /// Serves a key with this seed, with a front from the start.
    ///
    /// # Errors
    /// If there is no free port.
    pub fn start_with(seed: [u8; 32], front: Front) -> Result<Self> {
        Self::start_named(KEY_VERSION, seed, front)
    }

    /// Serves a key with this seed and this name of the key version.
    ///
    /// # Errors
    /// If there is no free port.
    pub fn start_named(name: &str, seed: [u8; 32], front: Front) -> Result<Self> {
        Self::start_versions((name, seed), &[], front)
    }

    /// Serves several key versions, which share state and permissions.
    ///
    /// # Errors
    /// If there is no free port.
    pub fn start_versions(first: (&str, [u8; 32]), others: &[(&str, [u8; 32])], front: Front) -> Result<Self> {
        let key = |(name, seed): (&str, [u8; 32])| Key::new(name, SigningKey::from_bytes(&seed));
        let kms = Arc::new(Kms {
            key: key(first),
            others: others.iter().copied().map(key).collect(),
            state: Mutex::default(),
            public_key: Script::default(),
            sign: Script::default(),
            calls: Calls::default(),
        });
        let shared = Arc::clone(&kms);
        let handler = Arc::new(move |request: Request<Bytes>| methods::answer(Arc::clone(&shared), request).boxed());
        Ok(Self {
            server: FakeServer::start(front, handler)?,
            kms,
        })
    }

    /// For `ATTO_SIGNER_GCP_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.host())
    }

    /// `127.0.0.1:PORT`, for a proxy in front of it.
    pub fn host(&self) -> String {
        self.server.host()
    }

    /// The key that verifies signatures.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.kms.key.verifying_key()
    }

    /// The queue of faults of a method.
    pub fn faults(&self, method: Method) -> &Script<Fault> {
        match method {
            Method::GetPublicKey => &self.kms.public_key,
            Method::AsymmetricSign => &self.kms.sign,
        }
    }

    /// The recorded calls.
    pub fn calls(&self) -> &Calls {
        &self.kms.calls
    }

    /// Changes the state of the key version.
    pub fn set_key_state(&self, state: KeyState) {
        self.kms.with_state(|now| now.key = state);
    }

    /// IAM refuses this from now on. The other permission does not change.
    pub fn revoke(&self, permission: Permission) {
        self.kms.with_state(|now| now.revoke(permission));
    }

    /// IAM allows this again.
    pub fn grant(&self, permission: Permission) {
        self.kms.with_state(|now| now.grant(permission));
    }

    /// Changes how connections are handled.
    ///
    /// # Errors
    /// If its port cannot be opened again.
    pub async fn set_front(&self, front: Front) -> Result<()> {
        self.server.set_front(front).await
    }

    /// TCP connections accepted up to now.
    pub fn connections(&self) -> u64 {
        self.server.accepted()
    }
}

impl Kms {
    /// The key version with this name, or the first one if there is none, so that the refusal has a name to compare with.
    fn named(&self, name: &str) -> &Key {
        let found = self.others.iter().find(|key| key.name() == name);
        found.unwrap_or(&self.key)
    }

    fn with_state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
