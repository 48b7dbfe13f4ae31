//! The real signer with Workload Identity Federation: tokens of a real API server, checked by a stand-in of Google's token service, and a
//! KMS that takes no other credentials.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod cluster;
mod exchange;
mod logins;
mod settings;
mod tls;
mod token;
