//! The fakes of Google's services behave as Google's documentation describes. The tests use a plain HTTP client, and no
//! code of Google's.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod front;
mod http;
mod kms;
mod metadata;
