//! With a failing KMS and the model of the node, the real signer loses no vote that can be signed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod gone;
mod late;
mod outages;
mod paths;
mod start;
mod support;
mod votes;
