//! What the outside can see of the signer: log lines, metrics, health.

mod client;
mod health;
mod log;
mod metrics;

pub use client::{ClientFault, Verdict};
pub use health::{Health, Identity};
pub use log::{Level, init};
pub use metrics::{Metrics, Outcome, Reason};
