//! DOWN must have a cause, and only a signature makes the backend UP.

use std::time::Duration;

use anyhow::{Result, ensure};
use signer::backend::Cause;
use tokio::time::Instant;

use super::health::Sample;
use super::kms::{Called, End};
use super::weather::Act;
use super::world::Seen;

/// As documented: this many consecutive failures, or this long without a signature while a call is outstanding.
const FAILURES: usize = 5;
const SILENCE: Duration = Duration::from_secs(8);
/// A call that is cancelled after this time counts as failed.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);

/// The evidence about the key service in the calls of one process.
struct Evidence<'a> {
    calls: Vec<&'a Called>,
    signed: Vec<Instant>,
    failed: Vec<Instant>,
}

pub fn check(seen: &Seen) -> Result<()> {
    for remains in &seen.remains {
        let calls = seen.calls.iter().filter(|call| call.instance == remains.number);
        let evidence = Evidence::new(calls.collect());
        let samples = seen.samples.iter().filter(|sample| sample.instance == remains.number);
        let mut before: Option<&Sample> = None;
        for sample in samples {
            let from = before.map_or(seen.start, |sample| sample.at);
            let was_up = before.is_some_and(|sample| sample.is_up);
            evidence
                .allows(from, was_up, sample)
                .map_err(|error| error.context(format!("{} ms after the start", seen.millisecond(sample.at))))?;
            before = Some(sample);
        }
    }
    Ok(())
}

impl<'a> Evidence<'a> {
    fn new(calls: Vec<&'a Called>) -> Self {
        let signed = calls.iter().filter_map(|call| call.signed_at()).collect();
        let failed = calls.iter().filter_map(|call| failed_at(call)).collect();
        Self { calls, signed, failed }
    }

    fn allows(&self, from: Instant, was_up: bool, sample: &Sample) -> Result<()> {
        let Sample { at, is_up, cause, .. } = *sample;
        match (was_up, is_up) {
            (false, true) => {
                let mut signed = self.signed.iter();
                ensure!(
                    signed.any(|signed| (from..=at).contains(signed)),
                    "UP without a signature"
                );
            }
            (true, false) => ensure!(self.may_be_down(from, at), "DOWN without a reason: {cause:?}"),
            _ => {}
        }
        if is_up {
            ensure!(!self.must_be_down(at), "UP, though nothing is signed: {cause:?}");
        } else {
            let is_proven = self.signed.iter().any(|signed| *signed < at);
            ensure!(!is_proven || cause.is_some(), "DOWN without a cause");
        }
        Ok(())
    }

    /// Whether there was a reason between these moments. Events at the same moment may have happened in any order.
    fn may_be_down(&self, from: Instant, to: Instant) -> bool {
        let moments = self.failed.iter().copied().filter(|at| (from..=to).contains(at));
        let mut moments = moments.chain([to]);
        let fails = moments.any(|at| {
            let last = self.last_signed(|signed| signed < at);
            let failed = self.failed.iter().filter(|failed| **failed <= at);
            failed.filter(|failed| last.is_none_or(|last| **failed >= last)).count() >= FAILURES
        });
        let is_silent = |call: &&&Called| {
            let counts = (call.began + SILENCE).max(from);
            let answered = self
                .signed
                .iter()
                .any(|signed| *signed > call.began && *signed < counts);
            counts <= to && call.ended.is_none_or(|(ended, _)| ended >= counts) && !answered
        };
        fails || self.calls.iter().any(|call| is_silent(&call))
    }

    /// Whether there is a reason at this moment, in any order of its events.
    fn must_be_down(&self, at: Instant) -> bool {
        let last = self.last_signed(|signed| signed <= at);
        let failed = self.failed.iter().filter(|failed| **failed < at);
        let failed = failed.filter(|failed| last.is_none_or(|last| **failed > last)).count();
        let is_silent = |call: &&Called| {
            call.began + SILENCE <= at
                && call.ended.is_none_or(|(ended, _)| ended > at)
                && last.is_none_or(|last| last < call.began)
        };
        failed >= FAILURES || self.calls.iter().any(is_silent)
    }

    fn last_signed(&self, is_meant: impl Fn(Instant) -> bool) -> Option<Instant> {
        self.signed.iter().copied().filter(|signed| is_meant(*signed)).max()
    }
}

/// When a call revealed a failure of the key service. An exhausted quota is not one.
fn failed_at(call: &Called) -> Option<Instant> {
    let (at, end) = call.ended?;
    match end {
        End::Answered(Act::Fail(Cause::ResourceExhausted) | Act::Sign | Act::Hang) => None,
        End::Answered(_) => Some(at),
        End::Dropped => (at - call.began >= ATTEMPT_LIMIT).then_some(at),
    }
}
