//! A backend that follows a script, for tests.

use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use ed25519_dalek::{Signer, SigningKey};
use tokio::time::{Instant, sleep};

use crate::{
    backend::{BoxFuture, Cause, Fault, LoadError, Loaded, Session, Signature},
    protocol::PublicKey,
};

/// How the backend handles a call.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Sign(Duration),
    SignWrongly,
    Fail(Cause),
    FailAfter(Duration, Cause),
    Hang,
    /// Hangs on the connections of a client that was to be replaced, and signs on those of the next one.
    HangUntilRenewed,
    Panic,
}

/// How long the next client takes.
const RENEWAL: Duration = Duration::from_millis(20);

#[derive(Clone)]
pub struct Scripted(Arc<Mutex<Script>>);

struct Script {
    key: SigningKey,
    steps: VecDeque<Step>,
    then: Step,
    calls: Vec<(Instant, Vec<u8>)>,
    alive: usize,
    most_alive: usize,
    renewed: Vec<Instant>,
}

impl Scripted {
    /// Follows these steps, then repeats the last one.
    pub fn new(steps: impl IntoIterator<Item = Step>, then: Step) -> Self {
        Self(Arc::new(Mutex::new(Script {
            key: SigningKey::from_bytes(&[7; 32]),
            steps: steps.into_iter().collect(),
            then,
            calls: Vec::new(),
            alive: 0,
            most_alive: 0,
            renewed: Vec::new(),
        })))
    }

    pub fn change(&self, then: Step) {
        self.0.lock().unwrap().then = then;
    }

    /// When this hash was called.
    pub fn times(&self, hash: &[u8]) -> Vec<Instant> {
        let script = self.0.lock().unwrap();
        let calls = script.calls.iter().filter(|(_, bytes)| bytes == hash);
        calls.map(|(time, _)| *time).collect()
    }

    /// All calls, including self-tests.
    pub fn calls(&self) -> Vec<Vec<u8>> {
        self.0
            .lock()
            .unwrap()
            .calls
            .iter()
            .map(|(_, bytes)| bytes.clone())
            .collect()
    }

    pub fn most_alive(&self) -> usize {
        self.0.lock().unwrap().most_alive
    }

    pub fn renewed(&self) -> usize {
        self.0.lock().unwrap().renewed.len()
    }
}

struct Alive(Scripted);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().alive -= 1;
    }
}

impl Scripted {
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.lock().unwrap().key.verifying_key().to_bytes())
    }

    async fn act(&self, bytes: &[u8]) -> Result<Signature, Fault> {
        let (step, mut signature) = {
            let mut script = self.0.lock().unwrap();
            script.calls.push((Instant::now(), bytes.to_vec()));
            script.alive += 1;
            script.most_alive = script.most_alive.max(script.alive);
            let mut step = script.steps.pop_front().unwrap_or(script.then);
            if matches!(step, Step::HangUntilRenewed) {
                let is_new = script.renewed.first().is_some_and(|told| told.elapsed() >= RENEWAL);
                step = if is_new { Step::Sign(Duration::ZERO) } else { Step::Hang };
            }
            (step, script.key.sign(bytes).to_bytes())
        };
        let _alive = Alive(self.clone());
        match step {
            Step::Sign(delay) => sleep(delay).await,
            Step::SignWrongly => signature[0] ^= 1,
            Step::Fail(cause) => return Err(Fault::new(cause, "scripted")),
            Step::FailAfter(delay, cause) => {
                sleep(delay).await;
                return Err(Fault::new(cause, "scripted"));
            }
            Step::Hang | Step::HangUntilRenewed => std::future::pending().await,
            Step::Panic => panic!("scripted"),
        }
        Ok(signature)
    }
}

impl Session for Scripted {
    fn upkeep(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn settled(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn load(&self) -> BoxFuture<'_, Result<Loaded, LoadError>> {
        let loaded = Loaded {
            public_key: self.public_key(),
            facts: Vec::new(),
        };
        Box::pin(async { Ok(loaded) })
    }

    fn sign<'a>(&'a self, bytes: &'a [u8]) -> BoxFuture<'a, Result<Signature, Fault>> {
        Box::pin(self.act(bytes))
    }

    fn renew(&self) {
        self.0.lock().unwrap().renewed.push(Instant::now());
    }

    fn remedy(&self, _: Cause) -> Cow<'static, str> {
        "scripted".into()
    }
}
