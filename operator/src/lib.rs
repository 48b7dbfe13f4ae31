//! The operator of `SignerBinding`s.
//!
//! One reconcile is six steps in a row. Only the first and the fifth have a client:
//!
//! ```text
//! observe (IO)    what is there: binding, Deployments, Services, accounts, pods, token, other bindings
//!    │
//! validate (pure) what can be done: an injection, or a refusal with its reason
//!    │
//! render (pure)   what is wanted: the patch of each Deployment, its Service, their hash
//!    │
//! plan (pure)     what of it may be written now
//!    │
//! apply (IO)      the only writes
//!    │
//! status (pure)   what to report: conditions, Events
//! ```

pub mod admin;
pub mod backends;
pub mod cli;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod controller;
pub mod exit;
mod fetch;
pub mod gke;
pub mod leader;
pub mod model;
pub mod serve;
mod signals;
pub mod telemetry;
pub mod template;
pub mod yaml;
