//! The real signer in front of a KMS that fails, asked by the model of the node: no vote that can be signed is lost.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod gone;
mod late;
mod outages;
mod paths;
mod start;
mod support;
mod votes;
