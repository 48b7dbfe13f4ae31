//! The same outage for all key services at once: OpenBao, AWS and Google Cloud refuse connections.

use std::time::Duration;

use anyhow::Result;
use futures::future::try_join_all;
use tokio::time::sleep;

use super::Measured;
use super::rig::signed;
use super::row::Row;
use crate::fake_server::Front;
use crate::key_services::{ALL, Start, ready};
use crate::node_client::Load;

pub const NAME: &str = "60 s without the key service at 200 votes/s";

const RATE: u32 = 200;
const OUTAGE: Duration = Duration::from_mins(1);

pub async fn measure() -> Measured {
    try_join_all(ALL.map(|(name, start)| of(name, start))).await
}

async fn of(name: &str, start: Start) -> Result<Row> {
    let service = start().await?;
    let signer = ready(&*service, &[]).await?;
    service.front().set_front(Front::Refusing).await?;
    let load = Load {
        rate: RATE,
        count: None,
        duration: Some(OUTAGE),
        patience: Duration::from_mins(1),
    };
    let (node, key) = (signer.node()?, service.key());
    let end = async {
        sleep(OUTAGE).await;
        service.front().set_front(Front::Serving).await
    };
    let (report, ended) = tokio::join!(load.run(&node, &key), end);
    ended?;
    let report = report?;
    let what = format!("{name}, votes lost");
    Ok(Row::exactly(&what, 0, report.lost + report.invalid)
        .with(&signed(&report))
        .only_if(report.signed == report.wished))
}
