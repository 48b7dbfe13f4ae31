//! The steady state: which requests the operator still sends, and why.

use std::time::Duration;

use anyhow::Result;

use super::fleet::Fleet;
use super::requests;
use crate::operator_process::OperatorProcess;
use crate::{ControlPlane, bench, eventually, metrics};

/// After this time without a write, the operator counts as settled.
const SETTLED: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_mins(10);

/// A heading and a row for each kind of request.
pub async fn steady(
    plane: &ControlPlane,
    fleet: &Fleet,
    operator: &OperatorProcess,
    duration: Duration,
) -> Result<Vec<Vec<String>>> {
    fleet.is_rolled_out().await?;
    settled(operator).await?;
    let before = plane.requests()?.len();
    tokio::time::sleep(duration).await;
    let made = requests::since(plane, before)?;
    let minutes = duration.as_secs_f64() / 60.0;
    let mut rows = vec![bench::row(["a minute of steady state", "requests", "a binding", "why"])];
    for ((verb, resource), count) in requests::count(&made) {
        rows.push(bench::row([
            &format!("{verb} {resource}"),
            &format!("{:.1}", float(count) / minutes),
            &format!("{:.2}", float(count) / minutes / float(fleet.bindings)),
            why(&verb, &resource),
        ]));
    }
    let writes = made
        .iter()
        .filter(|request| request.is_write() && requests::about_bindings(request))
        .count();
    rows.push(bench::row([
        "writes in all that time, but for the Lease",
        &writes.to_string(),
        "",
        "aim: 0",
    ]));
    Ok(rows)
}

async fn settled(operator: &OperatorProcess) -> Result<()> {
    let (mut writes, mut since) = (f64::NAN, std::time::Instant::now());
    eventually(PATIENCE, "an operator that writes nothing more", async || {
        let text = operator.get("/metrics").await?.body;
        let now = metrics::sum(&text, "atto_signer_operator_writes_total")?;
        #[expect(clippy::float_cmp, reason = "counts")]
        if now != writes {
            (writes, since) = (now, std::time::Instant::now());
        }
        anyhow::ensure!(since.elapsed() >= SETTLED, "{now} writes");
        Ok(())
    })
    .await
}

fn why(verb: &str, resource: &str) -> &'static str {
    match (verb, resource) {
        ("get", "secrets") => "the versions of its token and its LOCAL key, which no watch tells of, every 60 to 66 s",
        ("get", "signerbindings") => "it is read afresh when everything is looked at, every ten minutes",
        ("list", "deployments") => "  those that match its selector",
        ("list", "services") => "  those of its Deployments",
        ("watch", _) => "re-established every 200 s",
        ("get" | "update", "leases") => "renewed every 3 s",
        _ => "not explained",
    }
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}
