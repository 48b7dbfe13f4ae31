//! The real signer with Workload Identity Federation: with tokens of a real API server, a stand-in for Google's token
//! service that checks them, and a KMS that accepts no other credentials.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod cluster;
mod exchange;
mod logins;
mod settings;
mod tls;
mod token;
