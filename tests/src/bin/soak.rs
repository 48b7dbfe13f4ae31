//! Prints what the signer promises beside what it does, and fails when an aim is missed.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use tests::soak;
use tokio::time::timeout;

/// Some minutes are planned; more means that something hangs.
const LIMIT: Duration = Duration::from_mins(15);

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("soak: an aim is missed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("soak: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let held = runtime.block_on(async { timeout(LIMIT, soak::run()).await });
    held.with_context(|| format!("not done in {LIMIT:?}"))
}
