//! Random schedules, different in each run.

use std::ops::Range;

use anyhow::Result;
use aws_lc_rs::rand;

use super::Measured;
use super::row::Row;
use crate::simulation::{self, SEED};

pub const NAME: &str = "random schedules on a simulated clock";

/// Two or three minutes with a release build on two processors.
const SCHEDULES: u64 = 30_000;

pub async fn measure() -> Measured {
    let seeds = seeds()?;
    let first = seeds.start;
    let run = tokio::task::spawn_blocking(move || simulation::run(seeds)).await?;
    let row = Row::exactly("schedules that break a promise", 0, u64::from(run.is_err()));
    let told = match run {
        Ok(summary) => format!(
            "{} from {SEED}={first}: {} requests, {} signatures, {} calls, {} clients gone, {} processes in {} simulated hours",
            summary.schedules,
            summary.asked,
            summary.signed,
            summary.calls,
            summary.hung_up,
            summary.processes,
            summary.simulated.as_secs() / 3_600,
        ),
        Err(error) => format!("{error:#}").replace(['\n', '|'], " "),
    };
    Ok(vec![row.with(&told)])
}

fn seeds() -> Result<Range<u64>> {
    let mut bytes = [0; 4];
    rand::fill(&mut bytes)?;
    let first = u64::from(u32::from_le_bytes(bytes));
    Ok(first..first + SCHEDULES)
}
