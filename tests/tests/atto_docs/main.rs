//! What Atto's documentation tells people to deploy, with our signer: the same variables, ports and probes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod documents;
mod outage;
mod probes;
mod program;
