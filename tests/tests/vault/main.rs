//! The real signer with its key in the real OpenBao: from a Kubernetes token to a signature that another implementation
//! verifies, with failures of server, key, role and token on the way.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod ends;
mod faults;
mod keys;
mod logins;
mod page;
mod settings;
mod support;
mod tls;
