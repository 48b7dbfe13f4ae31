use std::{
    sync::atomic::{
        AtomicU64,
        Ordering::{AcqRel, Relaxed},
    },
    time::Duration,
};

use serde::{Serialize, Serializer};

use super::decision::Decision;
use crate::{protocol::View, telemetry::labels::Outcome};

const FINAL: usize = 1;
const CACHED: usize = 2;
const REFUSED: usize = 4;
const FAILED: usize = 5;

/// Counts votes from any thread, without a lock. Each vote changes only one counter, so that the figures stay consistent.
#[derive(Debug, Default)]
pub struct Votes {
    ends: [AtomicU64; 6],
    slowest: AtomicU64,
}

/// The figures of a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    signed: u64,
    #[serde(rename = "final")]
    signed_final: u64,
    cached: u64,
    refused: u64,
    failed: u64,
    #[serde(rename = "slowestMs", serialize_with = "as_milliseconds")]
    slowest: Duration,
}

impl Votes {
    /// Counts a vote.
    pub fn count(&self, decision: &Decision<'_>) {
        let end = match decision.outcome {
            Outcome::Signed => {
                let is_final = matches!(decision.message, Some(View::Vote(vote)) if vote.is_final());
                let is_cached = decision.effort.is_cached;
                usize::from(is_final) * FINAL + usize::from(is_cached) * CACHED
            }
            Outcome::Refused => REFUSED,
            Outcome::Failed => FAILED,
        };
        let duration = u64::try_from(decision.duration.as_micros()).unwrap_or(u64::MAX);
        // Most votes are not the slowest one.
        if duration > self.slowest.load(Relaxed) {
            self.slowest.fetch_max(duration, AcqRel);
        }
        self.ends[end].fetch_add(1, AcqRel);
    }

    /// The counts since the last call.
    pub fn take(&self) -> Figures {
        let [plain, is_final, cached, both, refused, failed] = self.ends.each_ref().map(|end| end.swap(0, AcqRel));
        Figures {
            signed: plain + is_final + cached + both,
            signed_final: is_final + both,
            cached: cached + both,
            refused,
            failed,
            slowest: Duration::from_micros(self.slowest.swap(0, AcqRel)),
        }
    }
}

impl Figures {
    /// Adds the figures of another minute.
    pub fn add(&mut self, other: &Self) {
        let Self {
            signed,
            signed_final,
            cached,
            refused,
            failed,
            slowest,
        } = *other;
        self.signed += signed;
        self.signed_final += signed_final;
        self.cached += cached;
        self.refused += refused;
        self.failed += failed;
        self.slowest = self.slowest.max(slowest);
    }

    pub const fn is_empty(&self) -> bool {
        self.signed == 0 && self.refused == 0 && self.failed == 0
    }
}

fn as_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(milliseconds(*duration))
}

/// With microsecond precision.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
