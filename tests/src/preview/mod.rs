//! Draws the dashboards from a real run: Prometheus reads signers and operators through good and bad minutes, and a browser draws
//! what it has kept.

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

/// How long all of it goes on: the scripts of signers and operators end before.
const RUN: Duration = Duration::from_mins(3);

/// Runs it, and writes a picture of each dashboard into this folder.
///
/// # Errors
/// When a program is missing or ends, with what it says.
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

/// Since the run began.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    /// The run is a script: what happens in it happens at this moment, and waits for nothing else.
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
