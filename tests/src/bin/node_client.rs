//! Behaves like Atto's node towards its signer, and reports the results of its votes: a table for people on standard error, JSON
//! on standard output. The exit code is 0 if every vote was signed.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::json;
use tests::node_client::{Load, NodeClient, Report};
use tokio::time::timeout;

/// Requests signatures of distinct votes, as Atto's node would, and counts the results.
#[derive(Debug, Parser)]
struct Arguments {
    /// The signer's API, `http://HOST:PORT`.
    #[arg(long, env = "ATTO_SIGNER_REMOTE_URL")]
    url: String,
    /// The token that node and signer share.
    #[arg(long, env = "ATTO_SIGNER_REMOTE_TOKEN", hide_env_values = true)]
    token: String,
    /// Votes per second.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Number of votes. Without it, as many as fit into the duration.
    #[arg(long)]
    count: Option<u64>,
    /// Duration in seconds. Without it, as long as the count takes, and 10 s without either.
    #[arg(long)]
    duration: Option<u64>,
    /// Seconds to wait for the public key, and at the end for votes that are still pending.
    #[arg(long, default_value_t = 30)]
    patience: u64,
    /// Signatures that took more than this many seconds are counted separately.
    #[arg(long, default_value_t = 5)]
    very_late: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let report = runtime
        .context("cannot start a runtime")
        .and_then(|runtime| runtime.block_on(run(&arguments)));
    match report {
        Ok(report) => {
            print(&report, Duration::from_secs(arguments.very_late));
            if report.signed == report.wished {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("node_client: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Report> {
    let client = NodeClient::new(&arguments.url, &arguments.token)?;
    let patience = Duration::from_secs(arguments.patience);
    let key = timeout(patience, client.public_key())
        .await
        .with_context(|| format!("no public key from {} within {patience:?}", arguments.url))??;
    let duration = match (arguments.count, arguments.duration) {
        (None, None) => Some(10),
        (_, duration) => duration,
    };
    let load = Load {
        rate: arguments.rate,
        count: arguments.count,
        duration: duration.map(Duration::from_secs),
        patience,
    };
    load.run(&client, &key).await
}

fn print(report: &Report, very_late: Duration) {
    let very_late_count = report.later_than(very_late);
    let rows = [
        ("votes", report.wished.to_string()),
        ("signed", report.signed.to_string()),
        ("signed after more than 1 s", report.late.to_string()),
        (
            &*format!("signed after more than {very_late:?}"),
            very_late_count.to_string(),
        ),
        ("lost to a status", report.lost.to_string()),
        ("lost to an invalid signature", report.invalid.to_string()),
        ("pending", report.pending().to_string()),
        ("attempts", report.attempts.to_string()),
        ("refused", report.refused.to_string()),
        ("closed without an answer", report.closed.to_string()),
        ("silent", report.silent.to_string()),
        ("not HTTP", report.garbled.to_string()),
    ]
    .map(|(what, figure)| (what.to_owned(), figure));
    let statuses = report.statuses.iter();
    let statuses = statuses.map(|(status, count)| (format!("status {status}"), count.to_string()));
    let times = [500, 990, 1_000].map(|part| {
        let took = report.within(part).map_or("-".to_owned(), |took| format!("{took} ms"));
        (format!("{} % signed within", part / 10), took)
    });
    for (what, figure) in rows.into_iter().chain(statuses).chain(times) {
        eprintln!("  {what:<32} {figure:>10}");
    }
    let mut json = json!(report);
    json["pending"] = json!(report.pending());
    json["veryLate"] = json!(very_late_count);
    json["p50Milliseconds"] = json!(report.within(500));
    json["p99Milliseconds"] = json!(report.within(990));
    json["maxMilliseconds"] = json!(report.within(1_000));
    println!("{json}");
}
