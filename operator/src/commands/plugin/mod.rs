//! `kubectl atto-signer`: a plugin of kubectl for the people who run voters.
//!
//! It reads what the operator reports, and works while the operator is stopped. Only `approve` and `remove` write.

mod approve;
mod bindings;
mod check;
mod cli;
mod explain;
mod output;
mod report;
mod row;
mod status;

pub use cli::{command, main};
