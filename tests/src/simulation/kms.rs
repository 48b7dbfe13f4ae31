//! The key service: it follows the weather, and records every call.

use std::borrow::Cow;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use signer::backend::{BoxFuture, Cause, Fault, LoadError, Loaded, Session, Signature};
use signer::protocol::PublicKey;
use tokio::time::{Instant, sleep};

use super::random::Random;
use super::weather::{Act, Mood, Spell};

/// A call to sign.
#[derive(Clone, Debug)]
pub struct Called {
    /// Number of the process.
    pub instance: usize,
    pub bytes: Vec<u8>,
    pub began: Instant,
    pub ended: Option<(Instant, End)>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Answered(Act),
    /// The caller cancelled it, or its process ended.
    Dropped,
}

impl Called {
    /// A self-test has another length than any Atto hash.
    pub fn is_for_a_node(&self) -> bool {
        self.bytes.len() != 41
    }

    pub fn is_alive_at(&self, at: Instant) -> bool {
        self.began <= at && self.ended.is_none_or(|(ended, _)| ended > at)
    }

    /// When it returned a valid signature.
    pub fn signed_at(&self) -> Option<Instant> {
        match self.ended {
            Some((at, End::Answered(Act::Sign))) => Some(at),
            _ => None,
        }
    }
}

/// The service. Clones share it.
#[derive(Clone)]
pub struct Kms(Arc<Mutex<State>>);

struct State {
    key: SigningKey,
    random: Random,
    start: Instant,
    spells: Vec<Spell>,
    calls: Vec<Called>,
}

impl Kms {
    /// The weather begins now. After its last spell, it is calm.
    pub fn new(key: SigningKey, random: Random, spells: Vec<Spell>) -> Self {
        Self(Arc::new(Mutex::new(State {
            key,
            random,
            start: Instant::now(),
            spells,
            calls: Vec::new(),
        })))
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        self.lock().key.verifying_key()
    }

    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.verifying_key().to_bytes())
    }

    /// The view of the process with this number.
    pub fn session(&self, instance: usize) -> KmsSession {
        KmsSession {
            kms: self.clone(),
            instance,
            is_over: Arc::default(),
        }
    }

    /// Number of running calls of this process.
    pub fn under_way(&self, instance: usize) -> usize {
        let state = self.lock();
        let of_it = state.calls.iter().filter(|call| call.instance == instance);
        of_it.filter(|call| call.ended.is_none()).count()
    }

    /// All calls, in the order of their beginning.
    pub fn calls(&self) -> Vec<Called> {
        self.lock().calls.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn mood(&self) -> Mood {
        let mut elapsed = self.start.elapsed();
        for spell in &self.spells {
            if elapsed < spell.length {
                return spell.mood;
            }
            elapsed -= spell.length;
        }
        Mood::Calm
    }
}

/// The service, used by one process.
#[derive(Clone)]
pub struct KmsSession {
    kms: Kms,
    instance: usize,
    is_over: Arc<AtomicBool>,
}

impl KmsSession {
    /// The process has ended. Its remaining tasks send no more calls.
    pub fn end(&self) {
        self.is_over.store(true, SeqCst);
        let now = Instant::now();
        let mut state = self.kms.lock();
        let of_it = state.calls.iter_mut().filter(|call| call.instance == self.instance);
        for call in of_it.filter(|call| call.ended.is_none()) {
            call.ended = Some((now, End::Dropped));
        }
    }

    async fn act(&self, bytes: &[u8]) -> Result<Signature, Fault> {
        if self.is_over.load(SeqCst) {
            return pending().await;
        }
        let (call, delay, act) = self.begin(bytes);
        sleep(delay).await;
        if act == Act::Hang || self.is_over.load(SeqCst) {
            return pending().await;
        }
        call.end(act);
        let mut signature = self.kms.lock().key.sign(bytes).to_bytes();
        match act {
            Act::Fail(cause) => return Err(Fault::new(cause, "simulated")),
            // A panic without the output of its hook.
            Act::Panic => std::panic::resume_unwind(Box::new("simulated")),
            Act::SignWrongly => signature[0] ^= 1,
            Act::Sign | Act::Hang => {}
        }
        Ok(signature)
    }

    fn begin(&self, bytes: &[u8]) -> (UnderWay, Duration, Act) {
        let mut state = self.kms.lock();
        let mood = state.mood();
        let (delay, act) = mood.act(&mut state.random);
        let number = state.calls.len();
        state.calls.push(Called {
            instance: self.instance,
            bytes: bytes.to_vec(),
            began: Instant::now(),
            ended: None,
        });
        let kms = self.kms.clone();
        (UnderWay { kms, number }, delay, act)
    }
}

struct UnderWay {
    kms: Kms,
    number: usize,
}

impl UnderWay {
    fn end(&self, act: Act) {
        self.set(End::Answered(act));
    }

    fn set(&self, end: End) {
        self.kms.lock().calls[self.number]
            .ended
            .get_or_insert_with(|| (Instant::now(), end));
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.set(End::Dropped);
    }
}

impl Session for KmsSession {
    fn upkeep(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(pending())
    }

    fn settled(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn load(&self) -> BoxFuture<'_, Result<Loaded, LoadError>> {
        Box::pin(async {
            Ok(Loaded {
                public_key: self.kms.public_key(),
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
