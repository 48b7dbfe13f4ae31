//! The operator of `SignerBinding`s.
//!
//! One reconcile is five steps in a row; only the first and the fourth see a client:
//!
//! ```text
//! observe (IO)    what is there: binding, Deployment, Service, token, other bindings
//!    │
//! validate (pure) what may be done: a plan, or a refusal with its reason
//!    │
//! render (pure)   what is wanted: the patch of the Deployment, the Service, their hash
//!    │
//! apply (IO)      the only writes
//!    │
//! status (pure)   what to report: conditions, Events
//! ```

pub mod admin;
pub mod cli;
pub mod config;
pub mod controller;
mod fetch;
pub mod gke;
pub mod offline;
pub mod telemetry;
