//! The real signer with its key in AWS KMS: ministack stands in for KMS and STS, and a front injects faults.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod agents;
mod answers;
mod errors;
mod keys;
mod logins;
mod settings;
mod sts;
mod support;
mod tls;
mod votes;
mod web_identity;
