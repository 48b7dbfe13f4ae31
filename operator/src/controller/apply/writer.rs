//! What is written by.

use std::sync::Arc;

use kube::runtime::events::Recorder;

use crate::cluster::Cluster;
use crate::controller::contest::Contest;
use crate::controller::ledger::Ledger;
use crate::controller::rollout_limit::RolloutLimit;
use crate::telemetry::Metrics;

/// All that apply sees.
#[derive(Clone)]
pub struct Writer {
    pub cluster: Cluster,
    pub ledger: Ledger,
    pub contest: Contest,
    pub rollouts: RolloutLimit,
    pub recorder: Recorder,
    pub metrics: Arc<Metrics>,
}

impl Writer {
    /// Nothing was written yet.
    pub fn new(
        cluster: Cluster,
        contest: Contest,
        rollouts: RolloutLimit,
        recorder: Recorder,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            cluster,
            contest,
            rollouts,
            recorder,
            metrics,
            ledger: Ledger::default(),
        }
    }
}
