//! Records calls and their concurrency.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Method;

/// The counters of a fake service. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    public_key: u64,
    sign: u64,
    signed: HashMap<Vec<u8>, u64>,
    in_flight: u64,
    most_in_flight: u64,
}

impl Calls {
    /// Calls of a method, with any result.
    pub fn of(&self, method: Method) -> u64 {
        let counts = self.lock();
        match method {
            Method::GetPublicKey => counts.public_key,
            Method::AsymmetricSign => counts.sign,
        }
    }

    /// Calls to sign this data.
    pub fn to_sign(&self, data: &[u8]) -> u64 {
        self.lock().signed.get(data).copied().unwrap_or(0)
    }

    /// All calls to sign data of this many bytes: 32 are blocks and votes, 64 challenges.
    pub fn to_sign_bytes(&self, length: usize) -> u64 {
        let counts = self.lock();
        let of_length = counts.signed.iter().filter(|(data, _)| data.len() == length);
        of_length.map(|(_, calls)| calls).sum()
    }

    /// Maximum number of concurrent calls.
    pub fn most_at_once(&self) -> u64 {
        self.lock().most_in_flight
    }

    /// Running calls.
    pub fn under_way(&self) -> u64 {
        self.lock().in_flight
    }

    pub(super) fn begin(&self, method: Method) -> UnderWay {
        let mut counts = self.lock();
        match method {
            Method::GetPublicKey => counts.public_key += 1,
            Method::AsymmetricSign => counts.sign += 1,
        }
        counts.in_flight += 1;
        counts.most_in_flight = counts.most_in_flight.max(counts.in_flight);
        UnderWay(self.clone())
    }

    pub(super) fn asked_to_sign(&self, data: &[u8]) {
        *self.lock().signed.entry(data.to_vec()).or_default() += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call until its answer or the end of its connection.
pub(super) struct UnderWay(Calls);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
    }
}
