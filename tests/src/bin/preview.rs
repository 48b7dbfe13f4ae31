//! Draws the dashboards for the documentation, from a run of three minutes.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use tests::{preview, workspace};
use tokio::time::timeout;

/// Four minutes are expected; more means that something hangs.
const LIMIT: Duration = Duration::from_mins(8);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("preview: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    tests::install_crypto();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let pictures = workspace::root().join("docs/src/images/dashboards");
    let drawn = runtime.block_on(async { timeout(LIMIT, preview::draw(&pictures)).await });
    drawn.with_context(|| format!("not done in {LIMIT:?}"))?
}
