//! Prints the signer's promises with measured values, and fails if an aim is missed. An argument names one part to measure.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::soak;
use tokio::time::timeout;

/// Some minutes are expected; more means that something hangs.
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
    let only = std::env::args().nth(1);
    if let Some(only) = &only {
        let parts = soak::PARTS;
        ensure!(
            parts.contains(&&**only),
            "found the part {only}, expected one of {}",
            parts.join(", ")
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let held = runtime.block_on(async { timeout(LIMIT, soak::run(only.as_deref())).await });
    held.with_context(|| format!("not done in {LIMIT:?}"))
}
