//! The Atto signer: an HTTP server that holds a voter's key and signs what its policy allows.
//!
//! Layers, innermost first. A module uses modules of its own layer or of layers above it in this list, never below it, and no two
//! files use each other:
//!
//! ```text
//! 1  protocol                              messages, their bytes and hashes: uses no other module
//!    caught, exit, net, one_line,          small modules that use none of the modules below
//!    process, settings, token
//! 2  policy    -> protocol                 Authorized<T>, the only thing that can be signed
//!    backend   -> protocol                 where the key is; VENDORS is the one list of key services
//! 3  telemetry -> backend, protocol        logs, metrics, health and the audit trail
//! 4  service   -> policy, backend          hash, sign, each caller in time
//!    config    -> policy, backend          the command line, checked
//! 5  http      -> service                  the wire contract
//! 6  management -> http                    health and metrics
//! 7  serve     -> all of these             wires them up
//! 8  cli       -> serve, config            the commands
//! ```
//! [`http::router`] is the API as a value, [`serve()`] the whole program.

pub mod backend;
mod caught;
pub mod cli;
pub mod config;
#[cfg(any(test, fuzzing))]
pub mod decoders;
pub mod exit;
pub mod http;
pub mod management;
pub mod net;
mod one_line;
pub mod policy;
mod process;
pub mod protocol;
mod serve;
pub mod service;
pub mod settings;
pub mod telemetry;
pub mod token;

pub use http::router;
pub use serve::{ServeError, serve};
