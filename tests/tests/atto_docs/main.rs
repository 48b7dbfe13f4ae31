//! The deployments of Atto's documentation work with this signer: with the same variables, ports and probes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod documents;
mod outage;
mod probes;
mod program;
