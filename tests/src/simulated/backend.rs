//! A backend that follows instructions, on the clock of the runtime.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use signer::backend::{BoxFuture, Cause, Fault, LoadError, Loaded, Session, Signature};
use signer::protocol::PublicKey;
use tokio::time::sleep;

/// How calls are handled from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A signature, after this time.
    Sign(Duration),
    /// An error.
    Fail(Cause),
    /// No answer, even after the mode changes.
    Hang,
}

/// A key and its mode. Clones share both.
#[derive(Clone)]
pub struct SimulatedKms(Arc<Mutex<State>>);

struct State {
    key: SigningKey,
    mode: Mode,
    calls: HashMap<Vec<u8>, usize>,
    in_flight: usize,
    most_in_flight: usize,
}

impl Default for SimulatedKms {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            key: SigningKey::from_bytes(&[9; 32]),
            mode: Mode::Sign(Duration::from_millis(5)),
            calls: HashMap::new(),
            in_flight: 0,
            most_in_flight: 0,
        })))
    }
}

impl SimulatedKms {
    pub fn set(&self, mode: Mode) {
        self.lock().mode = mode;
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        self.lock().key.verifying_key()
    }

    /// Calls to sign this hash.
    pub fn calls_to_sign(&self, hash: &[u8]) -> usize {
        self.lock().calls.get(hash).copied().unwrap_or(0)
    }

    /// Calls to sign blocks and votes; self-tests are longer.
    pub fn calls(&self) -> usize {
        let state = self.lock();
        let hashes = state.calls.iter().filter(|(bytes, _)| bytes.len() == 32);
        hashes.map(|(_, calls)| calls).sum()
    }

    /// Maximum number of concurrent calls.
    pub fn most_in_flight(&self) -> usize {
        self.lock().most_in_flight
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct InFlight(SimulatedKms);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
    }
}

impl SimulatedKms {
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.verifying_key().to_bytes())
    }

    async fn act(&self, bytes: &[u8]) -> Result<Signature, Fault> {
        let (mode, key) = {
            let mut state = self.lock();
            *state.calls.entry(bytes.to_vec()).or_default() += 1;
            state.in_flight += 1;
            state.most_in_flight = state.most_in_flight.max(state.in_flight);
            (state.mode, state.key.clone())
        };
        let _in_flight = InFlight(self.clone());
        match mode {
            Mode::Sign(delay) => sleep(delay).await,
            Mode::Fail(cause) => return Err(Fault::new(cause, "simulated")),
            Mode::Hang => std::future::pending().await,
        }
        Ok(key.sign(bytes).to_bytes())
    }
}

impl Session for SimulatedKms {
    fn upkeep(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn settled(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn load(&self) -> BoxFuture<'_, Result<Loaded, LoadError>> {
        Box::pin(async {
            Ok(Loaded {
                public_key: self.public_key(),
                facts: Vec::new(),
            })
        })
    }

    fn sign<'a>(&'a self, bytes: &'a [u8]) -> BoxFuture<'a, Result<Signature, Fault>> {
        Box::pin(self.act(bytes))
    }

    fn remedy(&self, _: Cause) -> Cow<'static, str> {
        "none: it is simulated".into()
    }
}
