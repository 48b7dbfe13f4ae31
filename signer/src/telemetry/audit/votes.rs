use std::time::Duration;

use serde::{Serialize, Serializer};

use super::decision::Decision;
use crate::{protocol::View, telemetry::labels::Outcome};

/// The votes of a minute, in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Votes {
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
    pub fn count(&mut self, decision: &Decision<'_>) {
        match decision.outcome {
            Outcome::Signed => self.signed += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Failed => self.failed += 1,
        }
        if decision.outcome == Outcome::Signed {
            let is_final = matches!(decision.message, Some(View::Vote(vote)) if vote.is_final());
            self.signed_final += u64::from(is_final);
            self.cached += u64::from(decision.effort.is_cached);
        }
        self.slowest = self.slowest.max(decision.duration);
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn as_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(milliseconds(*duration))
}

/// To the microsecond.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
