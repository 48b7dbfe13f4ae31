//! Requests at a pace, whatever becomes of those before.

use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Tcp, exchange};

/// How long each request took, with a connection of its own to this host, so many of them begun in a second.
///
/// # Errors
/// When one has no answer within a second, or another one than 200.
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
