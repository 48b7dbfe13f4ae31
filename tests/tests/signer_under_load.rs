//! The real signer during votes: restarted, or flooded with connections without useful requests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use tests::eventually;
use tests::node_client::{Load, Report};
use tests::signer_process::in_kms;
use tests::soak::flood::{Flood, Flooded};
use tests::soak::rig::Rig;

const PATIENCE: Duration = Duration::from_mins(1);

fn all_signed(report: &Report) {
    assert_eq!(
        (report.signed, report.lost, report.invalid),
        (report.wished, 0, 0),
        "{report:?}"
    );
    let statuses: BTreeSet<_> = report.statuses.keys().copied().collect();
    assert!(statuses.is_subset(&BTreeSet::from([200, 429])), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_vote_is_lost_to_a_restart() -> Result<()> {
    let rig = Rig::start().await?;
    rig.delay(Duration::from_millis(200));
    let load = Load {
        rate: 200,
        count: Some(600),
        duration: None,
        patience: PATIENCE,
    };
    let (node, key) = (rig.node.clone(), rig.key);
    let loading = tokio::spawn(async move { load.run(&node, &key).await });
    eventually(PATIENCE, "votes are under way", async || {
        ensure!(
            rig.node.report().signed >= 50 && rig.kms.calls().under_way() > 10,
            "not yet"
        );
        Ok(())
    })
    .await?;
    let Rig { kms, signer, .. } = rig;
    let endpoint = kms.endpoint();
    let restart = move || signer.stop_and_start_again(&in_kms(&endpoint));
    let (status, _signer) = tokio::task::spawn_blocking(restart).await??;
    assert_eq!(status.code(), Some(0));
    all_signed(&loading.await??);
    Ok(())
}

/// Twice as many connections as the signer keeps.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_want_nothing_keep_nobody_from_signing() -> Result<()> {
    let rig = Rig::start().await?;
    let flood = Flood {
        connections: 2_000,
        per_second: 1_000,
        duration: Duration::from_secs(4),
    };
    let Flooded {
        connected,
        healthy,
        report,
    } = flood.run(&rig).await?;
    assert_eq!(connected, 2_000);
    assert!(healthy.0 > 0, "/health was asked");
    all_signed(&report);
    Ok(())
}
