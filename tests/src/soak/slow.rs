//! A slow KMS, also slower than the node waits.

use std::time::Duration;

use super::Measured;
use super::rig::{Rig, signed};
use super::row::{Row, float, milliseconds};
use crate::node_client::Load;

const RATE: u32 = 10;
const VOTES: u64 = 150;

/// Maximum time of a signature beyond that of KMS.
const MOST_BEYOND: f64 = 2_100.0;

pub fn name(delay: Duration) -> String {
    format!("KMS delay of {} s", delay.as_secs_f64())
}

pub async fn measure(delay: Duration) -> Measured {
    let rig = Rig::start().await?;
    rig.delay(delay);
    let load = Load {
        rate: RATE,
        count: Some(VOTES),
        duration: None,
        patience: delay + Duration::from_secs(10),
    };
    let report = rig.load(load).await?;
    let slowest = report.within(1_000).map_or(f64::NAN, float);
    let aside = rig.counter("atto_signer_hedges_total")? + rig.counter("atto_signer_siblings_total")?;
    let calls = float(rig.kms.calls().to_sign_bytes(32));
    Ok(vec![
        Row::slowest_answer(report.slowest_answer),
        Row::at_most(
            "slowest signature, beyond the delay",
            "ms",
            MOST_BEYOND,
            slowest - milliseconds(delay),
        )
        .with(&signed(&report))
        .only_if(report.signed == report.wished),
        Row::at_most(
            "calls per hash, hedges and siblings aside",
            "",
            1.0,
            (calls - aside) / float(report.wished),
        )
        .with(&format!("{calls} calls, {aside} of them hedges and siblings")),
    ])
}
