//! What was decided, line by line: a trail for people who have to answer for a key.
//!
//! Lines wait in a bounded buffer for a thread that writes them. Signing never waits for it: when the buffer is full, lines are
//! dropped, counted, and the trail itself says how many are missing.

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

/// What a trail gets of these decisions: for tests and for fuzzing.
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
