//! The fakes of Google's services, held to what Google publishes: with a plain HTTP client, no code of Google's.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod front;
mod http;
mod kms;
mod metadata;
