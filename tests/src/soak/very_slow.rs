//! A KMS that is slower than any time limit: nothing is signed, and nothing accumulates.

use std::time::Duration;

use super::Measured;
use super::rig::Rig;
use super::row::{Row, float};
use crate::node_client::Load;

pub const NAME: &str = "KMS delay of 30 s";

const DELAY: Duration = Duration::from_secs(30);
const RATE: u32 = 200;
const DURATION: Duration = Duration::from_secs(45);

/// Three for each of 100 hashes, and self-tests: one every 2 s, cancelled after 10 s.
const MOST_IN_FLIGHT: f64 = 305.0;

pub async fn measure() -> Measured {
    let rig = Rig::start().await?;
    rig.delay(DELAY);
    let load = Load {
        rate: RATE,
        count: None,
        duration: Some(DURATION),
        patience: Duration::ZERO,
    };
    let report = rig.load(load).await?;
    Ok(vec![
        Row::slowest_answer(report.slowest_answer),
        Row::at_most(
            "most calls in flight",
            "",
            MOST_IN_FLIGHT,
            float(rig.kms.calls().most_at_once()),
        ),
        Row::exactly("votes lost", 0, report.lost + report.invalid),
        rig.memory()?,
    ])
}
