//! Requests at a fixed rate, independent of earlier ones.

use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Tcp, exchange};

/// The duration of each request to this host on a separate connection, at this rate per second.
///
/// # Errors
/// If a request has no answer within a second, or a status other than 200.
pub async fn paced(host: &str, requests: Vec<Vec<u8>>, rate: u32) -> Result<Vec<Duration>> {
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut exchanges = JoinSet::new();
    for request in requests {
        ticks.tick().await;
        let dial = Tcp::to(host);
        exchanges.spawn(async move {
            let started = Instant::now();
            let reply = exchange(&dial, &request, super::SILENCE).await;
            let took = started.elapsed();
            let reply = reply.map_err(|failure| anyhow!("no answer: {failure:?}"))?;
            ensure!(reply.status == 200, "an answer of {}", reply.status);
            Ok(took)
        });
    }
    exchanges.join_all().await.into_iter().collect()
}
