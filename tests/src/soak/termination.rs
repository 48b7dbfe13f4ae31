//! SIGTERM during votes.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::Measured;
use super::rig::Rig;
use super::row::Row;
use crate::node_client::Load;

pub const NAME: &str = "SIGTERM at 200 votes/s";

const RATE: u32 = 200;
const DELAY: Duration = Duration::from_millis(200);

pub async fn measure() -> Measured {
    let rig = Rig::start().await?;
    rig.delay(DELAY);
    let load = Load {
        rate: RATE,
        count: None,
        duration: Some(Duration::from_secs(4)),
        patience: Duration::ZERO,
    };
    let (node, key) = (rig.node.clone(), rig.key);
    let loading = tokio::spawn(async move { load.run(&node, &key).await });
    sleep(Duration::from_secs(2)).await;
    let signed = rig.node.report().signed;
    rig.signer.signal(Signal::SIGTERM)?;
    let Rig { signer, .. } = rig;
    let status = spawn_blocking(|| signer.stop()).await??;
    let report = loading.await??;
    let (answered, others) = (
        report.statuses.get(&200),
        report.statuses.keys().filter(|status| **status != 200),
    );
    Ok(vec![
        Row::exactly("requests without an answer", 0, report.closed).with(&format!(
            "{} signed before and {} after it, {} refused",
            signed,
            answered.copied().unwrap_or(0) - signed,
            report.refused,
        )),
        Row::exactly("votes lost", 0, report.lost + report.invalid)
            .with(&format!("other statuses: {:?}", others.collect::<Vec<_>>())),
        Row::exactly("exit code", 0, u64::from(status.code().unwrap_or(-1).unsigned_abs())),
    ])
}
