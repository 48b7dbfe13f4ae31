//! A KMS that refuses connections.

use std::time::Duration;

use super::Measured;
use super::rig::{Rig, signed};
use super::row::Row;
use crate::fake_server::Front;

pub const NAME: &str = "KMS down for 60 s at 200 votes/s";

const RATE: u32 = 200;
const OUTAGE: Duration = Duration::from_mins(1);
const DELAY: Duration = Duration::from_millis(5);
const MOST_ATTEMPTS: f64 = 120.0;
const MOST_SECONDS: f64 = 5.0;

pub async fn measure() -> Measured {
    let rig = Rig::start().await?;
    rig.delay(DELAY);
    let endured = rig.endure(Front::Refusing, RATE, OUTAGE).await?;
    let report = endured.report;
    Ok(vec![
        Row::exactly("votes lost", 0, report.lost + report.invalid).with(&signed(&report)),
        Row::at_most("attempts of the node", "/s", MOST_ATTEMPTS, endured.attempts_per_second),
        Row::slowest_answer(report.slowest_answer),
        rig.memory()?,
        Row::at_most(
            "all signed after its end, by a KMS that takes 5 ms",
            "s",
            MOST_SECONDS,
            endured.signed_after.as_secs_f64(),
        )
        .only_if(report.signed == report.wished),
    ])
}
