//! From `helm install` to a voter that signs, on real pods: the suite of `make e2e`.

mod cluster;
mod google;
mod images;
mod reports;
mod steps;
mod voter;

use std::time::Instant;

use anyhow::{Context, Result};

use self::cluster::Cluster;
use self::reports::Reports;

/// A cluster with a voter in it.
struct Suite {
    cluster: Cluster,
    reports: Reports,
    started: Instant,
}

impl Suite {
    /// Tells that a step holds.
    fn holds(&self, what: &str) {
        println!("{:>5} s  {what}", self.started.elapsed().as_secs());
    }
}

/// Starts a cluster, runs every step, and ends it.
///
/// # Errors
/// The first step that does not hold, with what the cluster looks like then.
pub async fn run() -> Result<()> {
    let started = Instant::now();
    let cluster = Cluster::start().await?;
    let suite = Suite {
        cluster,
        reports: Reports::start().await?,
        started,
    };
    suite.holds("a node is ready");
    match steps::all(&suite).await {
        Ok(()) => Ok(()),
        Err(error) => {
            let described = suite.cluster.describe().await;
            Err(error).with_context(|| format!("{described}\n\nthe step does not hold"))
        }
    }
}
