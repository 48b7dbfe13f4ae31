//! The Atto signer: an HTTP server that holds a voter's key and signs what its policy allows.
//!
//! ```text
//! http  ->  protocol   typed messages from JSON
//!       ->  policy     Authorized<T>, the only thing that can be signed
//!       ->  service    hash, sign
//!       ->  backend    where the key is
//! ```
//! [`http::router`] is the API as a value, [`serve()`] the whole program.

pub mod backend;
pub mod cli;
pub mod config;
#[cfg(any(test, fuzzing))]
pub mod decoders;
pub mod exit;
pub mod http;
pub mod management;
pub mod net;
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
