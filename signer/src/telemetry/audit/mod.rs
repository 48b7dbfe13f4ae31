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

pub use config::{AuditConfig, AuditMode};
pub use decision::Decision;
pub use trail::Audit;
