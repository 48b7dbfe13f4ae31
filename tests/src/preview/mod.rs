//! Draws the dashboards from a real run: Prometheus scrapes signers and operators in normal and faulty phases, and a browser
//! draws the recorded data.

mod operators;
mod page;
mod prometheus;
mod signers;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use tokio::time::Instant;

use crate::monitoring::DASHBOARDS;
use operators::Operators;
use prometheus::{Prometheus, Target};
use signers::Signers;

/// Total duration. The scripts of signers and operators end before.
const RUN: Duration = Duration::from_mins(3);

/// Runs it, and writes a picture of each dashboard into this folder.
///
/// # Errors
/// If a program is missing or ends, with its output.
pub async fn draw(folder: &Path) -> Result<()> {
    let signers = Signers::start().await?;
    let operators = Operators::start(signers.management_ports()).await?;
    let targets: Vec<Target> = signers.targets().into_iter().chain(operators.targets()).collect();
    let prometheus = Prometheus::start(&targets).await?;
    let (start, clock) = (seconds()?, Clock(Instant::now()));
    tokio::try_join!(signers.live(clock), operators.live(clock))?;
    clock.reaches(RUN).await;
    let end = seconds()?;
    for name in DASHBOARDS {
        let picture = folder.join(format!("{name}.png"));
        page::draw(name, &prometheus, start..end, &picture).await?;
        println!("{}", picture.display());
    }
    Ok(())
}

/// Time since the beginning of the run.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    /// Waits for this moment. The run is a script whose events depend only on time.
    async fn reaches(self, moment: Duration) {
        tokio::time::sleep_until(self.0 + moment).await;
    }

    fn is_before(self, moment: Duration) -> bool {
        self.0.elapsed() < moment
    }
}

fn seconds() -> Result<u64> {
    Ok(SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("a clock before 1970")?
        .as_secs())
}
