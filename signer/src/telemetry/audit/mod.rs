//! The audit trail: every decision as a line, for people who are accountable for a key.
//!
//! Lines wait in a bounded buffer for a writer thread. Signing never waits for it: if the buffer is full, lines are dropped and
//! counted, and the trail itself reports how many are missing.

mod buffer;
mod config;
mod decision;
mod ledger;
mod line;
mod sink;
#[cfg(test)]
mod tests;
mod trail;
mod votes;
mod writer;

#[cfg(any(test, fuzzing))]
use ledger::{Ledger, Taken};
#[cfg(any(test, fuzzing))]
use line::Line;

pub use config::{AuditConfig, AuditMode};
pub use decision::Decision;
pub use trail::Audit;

/// The trail for these decisions, for tests and fuzzing.
#[cfg(any(test, fuzzing))]
pub fn written(decisions: &[Decision<'_>]) -> Vec<u8> {
    let lines = decisions
        .iter()
        .map(|decision| Line::decision(decision).as_ref().to_vec());
    let lines: Vec<_> = lines.collect();
    Ledger::default().batch(&Taken {
        count: lines.len() as u64,
        lines: lines.concat(),
        ..Taken::default()
    })
}
