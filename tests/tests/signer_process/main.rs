//! The signer as a program: how it starts, refuses to start, tells of itself and ends.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod commands;
mod ending;
mod serving;
mod settings;
mod support;
