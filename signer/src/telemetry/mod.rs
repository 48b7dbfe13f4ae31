//! The signer's output for observers: log lines, metrics, health.

mod audit;
mod backend;
mod backend_metrics;
mod buckets;
mod client;
mod health;
mod heart;
mod labels;
mod latency;
mod log;
mod metrics;
mod requests;
mod series;

#[cfg(any(test, fuzzing))]
pub(crate) use audit::written;
pub use audit::{Audit, AuditConfig, AuditMode, Decision};
pub use backend::BackendHealth;
pub use backend_metrics::BackendMetrics;
pub use client::{ClientFault, Complaint, Verdict};
pub use health::{Health, Identity};
pub use heart::Heart;
pub use labels::{Outcome, Reason};
pub use latency::{CLIENT_LIMIT, Latencies, Latency, SIGNATURES, Spread};
pub use log::{Level, init, tell_panics};
pub use metrics::Metrics;
pub use requests::{Requests, Route};
