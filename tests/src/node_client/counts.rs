//! The results of the node's requested signatures.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::exchange::Failure;
use super::reply::Reply;
use super::{Loss, Outcome};

/// A later signature counts as late, because the node has repeated its request.
const LATE: Duration = Duration::from_secs(1);

/// The counts of a client so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Requested signatures.
    pub wished: u64,
    /// Verified signatures.
    pub signed: u64,
    /// Of those, how many took more than 1 s, including queueing.
    pub late: u64,
    /// Permanently given up because of a status.
    pub lost: u64,
    /// Permanently given up because of an invalid signature.
    pub invalid: u64,
    /// Attempted connections.
    pub attempts: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Connections refused.
    pub refused: u64,
    /// Connections that were closed or reset before a complete answer.
    pub closed: u64,
    /// Connections that were given up after the time limit without a byte.
    pub silent: u64,
    /// Answers that are not HTTP.
    pub garbled: u64,
    /// Duration of each signature in milliseconds, ascending.
    #[serde(skip)]
    pub milliseconds: Vec<u64>,
    /// The longest time from opening a connection to its complete answer.
    #[serde(skip)]
    pub slowest_answer: Duration,
}

impl Report {
    /// Requested signatures without a result.
    pub fn pending(&self) -> u64 {
        self.wished - self.signed - self.lost - self.invalid
    }

    /// The time in milliseconds within which this many of 1,000 signatures arrived.
    pub fn within(&self, per_mille: usize) -> Option<u64> {
        let last = self.milliseconds.len().checked_sub(1)?;
        self.milliseconds.get(last * per_mille / 1_000).copied()
    }

    /// Number of signatures that took longer than this.
    pub fn later_than(&self, limit: Duration) -> usize {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        self.milliseconds.len() - self.milliseconds.partition_point(|took| *took <= limit)
    }
}

/// The counters of a client and its clones.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Mutex<Report>>);

impl Counts {
    /// A copy with sorted times.
    pub fn report(&self) -> Report {
        let mut report = self.lock().clone();
        report.milliseconds.sort_unstable();
        report
    }

    pub(super) fn wished(&self) -> Wish {
        self.lock().wished += 1;
        Wish(self.clone())
    }

    pub(super) fn attempted(&self, result: &Result<Reply, Failure>, took: Duration) {
        let mut report = self.lock();
        report.attempts += 1;
        match result {
            Ok(reply) => {
                *report.statuses.entry(reply.status).or_default() += 1;
                report.slowest_answer = report.slowest_answer.max(took);
            }
            Err(Failure::Refused) => report.refused += 1,
            Err(Failure::Closed) => report.closed += 1,
            Err(Failure::Silent) => report.silent += 1,
            Err(Failure::Garbled) => report.garbled += 1,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A requested signature. If it is dropped without a result, it stays pending.
#[derive(Debug)]
pub(super) struct Wish(Counts);

impl Wish {
    pub(super) fn ended(self, outcome: &Outcome) {
        let mut report = self.0.lock();
        match outcome.result {
            Ok(_) => {
                report.signed += 1;
                report.late += u64::from(outcome.took > LATE);
                let took = u64::try_from(outcome.took.as_millis()).unwrap_or(u64::MAX);
                report.milliseconds.push(took);
            }
            Err(Loss::Status(_)) => report.lost += 1,
            Err(Loss::Invalid) => report.invalid += 1,
        }
    }
}
