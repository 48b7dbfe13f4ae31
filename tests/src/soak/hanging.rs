//! Connections to KMS that are accepted and never answered.

use std::time::Duration;

use super::Measured;
use super::rig::{Rig, signed};
use super::row::Row;
use crate::fake_server::Front;

pub const NAME: &str = "KMS accepts and never answers for 60 s";

const RATE: u32 = 50;
const OUTAGE: Duration = Duration::from_mins(1);
const MOST_SECONDS: f64 = 15.0;

pub async fn measure() -> Measured {
    let rig = Rig::start().await?;
    let endured = rig.endure(Front::Silent, RATE, OUTAGE).await?;
    let report = endured.report;
    Ok(vec![
        Row::at_most(
            "all signed after its end",
            "s",
            MOST_SECONDS,
            endured.signed_after.as_secs_f64(),
        )
        .with(&signed(&report))
        .only_if(report.signed == report.wished),
        Row::slowest_answer(report.slowest_answer),
    ])
}
