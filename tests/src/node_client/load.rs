//! Distinct votes at a fixed rate.

use std::time::Duration;

use anyhow::{Result, ensure};
use ed25519_dalek::VerifyingKey;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::{NodeClient, Report, random_vote};

/// How many votes, how fast, and how long to wait for the last ones.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Votes per second, at least 1.
    pub rate: u32,
    /// Ends the load after this number, unless it has ended before.
    pub count: Option<u64>,
    /// Ends the load after this time, unless it has ended before.
    pub duration: Option<Duration>,
    /// How long to wait after the end for pending votes.
    pub patience: Duration,
}

impl Load {
    /// Requests signatures of the votes. A slow signer does not slow down the votes, because the network does not wait either.
    ///
    /// # Errors
    /// The load would never end, or has no rate.
    pub async fn run(self, client: &NodeClient, key: &VerifyingKey) -> Result<Report> {
        ensure!(self.rate > 0, "the rate: found 0, expected 1 vote a second or more");
        ensure!(
            self.count.is_some() || self.duration.is_some(),
            "neither a count nor a duration: the load would never end"
        );
        let started = Instant::now();
        let end = self.duration.map(|duration| started + duration);
        let mut ticks = interval(Duration::from_secs(1) / self.rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut votes = JoinSet::new();
        for number in 0.. {
            let due = ticks.tick().await;
            if self.count.is_some_and(|count| number >= count) || end.is_some_and(|end| due >= end) {
                break;
            }
            let (client, key) = (client.clone(), *key);
            votes.spawn(async move { client.sign(&random_vote(&key), &key).await });
            while votes.try_join_next().is_some() {}
        }
        let last = Instant::now() + self.patience;
        while let Ok(Some(_)) = timeout_at(last, votes.join_next()).await {}
        Ok(client.report())
    }
}
