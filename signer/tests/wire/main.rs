//! The wire contract, through the whole HTTP router and without a socket.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod audit;
mod bad_input;
mod documentation;
mod leniency;
mod statuses;
mod support;
mod vectors;
