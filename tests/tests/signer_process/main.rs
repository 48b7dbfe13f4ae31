//! The signer as a program: its start, refusals to start, reports and end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod commands;
mod ending;
mod serving;
mod settings;
mod support;
