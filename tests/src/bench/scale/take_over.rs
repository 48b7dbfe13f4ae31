//! The time without a leader after the leader was killed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use nix::sys::signal::Signal;

use crate::operator_process::OperatorProcess;
use crate::{ControlPlane, chart, eventually};

const PATIENCE: Duration = Duration::from_mins(1);

/// Kills the leader this many times, each time with another one waiting. Returns the last leader.
pub async fn take_overs(
    plane: &ControlPlane,
    mut leader: OperatorProcess,
    times: usize,
) -> Result<(OperatorProcess, Vec<f64>)> {
    let leases: Api<Lease> = Api::namespaced(plane.client().await?, chart::NAMESPACE);
    let holder = async || {
        let lease = leases.get("signer-operator").await?;
        lease
            .spec
            .and_then(|spec| spec.holder_identity)
            .context("nobody holds the Lease")
    };
    let mut seconds = vec![];
    for _ in 0..times {
        let next = OperatorProcess::start(plane, &[]).await?;
        let before = holder().await?;
        let started = Instant::now();
        leader.signal(Signal::SIGKILL)?;
        eventually(PATIENCE, "another one in the Lease", async || {
            ensure!(holder().await? != before, "still {before}");
            Ok(())
        })
        .await?;
        seconds.push(started.elapsed().as_secs_f64());
        leader.wait()?;
        leader = next;
    }
    Ok((leader, seconds))
}
