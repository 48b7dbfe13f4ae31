//! Stand-in for Atto's node in a pod: requests the public key at its start, then signatures of votes as the node does until it is
//! stopped. It shows its counts on port 8080, and answers probes on the node's management port. It can also only wait, as the
//! pause container does.

use std::future::ready;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::{ArgAction, Parser};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::answer::answer;
use crate::node_client::{NodeClient, random_vote};

/// How long it continues after SIGTERM, like an orderly node: its signer must still be there.
const LEAVING: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(10);
/// Ports of the stand-in's counts. The second is the probes' port in the documented manifest.
const PORTS: [u16; 2] = [8080, 8081];

/// The stand-in's command line.
#[derive(Parser)]
pub struct Arguments {
    /// Only waits for the end.
    #[arg(long, env = "VOTER_ONLY_PAUSES", action = ArgAction::SetTrue)]
    only_pauses: bool,
    /// Without a backend, the node does not vote.
    #[arg(long, env = "ATTO_SIGNER_BACKEND", default_value = "")]
    backend: String,
    #[arg(long, env = "ATTO_SIGNER_REMOTE_URL", default_value = "")]
    url: String,
    #[arg(long, env = "ATTO_SIGNER_REMOTE_TOKEN", hide_env_values = true, default_value = "")]
    token: String,
    /// Votes per second.
    #[arg(long, default_value_t = 20)]
    rate: u32,
    /// Destination of the last report, `HOST:PORT`.
    #[arg(long, env = "VOTER_REPORTS_TO", default_value = "")]
    reports_to: String,
}

/// Runs until SIGTERM.
///
/// # Errors
/// If a port is in use, or its signer returns no public key.
pub async fn run(arguments: Arguments) -> Result<()> {
    let began = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let mut terminate = signal(SignalKind::terminate())?;
    if arguments.only_pauses {
        terminate.recv().await;
        return Ok(());
    }
    if arguments.backend != "REMOTE" {
        show(move || json!({"historical": true, "began": began})).await?;
        terminate.recv().await;
        return Ok(());
    }
    let client = NodeClient::new(&arguments.url, &arguments.token)?;
    let shown = client.clone();
    show(move || {
        let mut counts = json!(shown.report());
        counts["began"] = json!(began);
        counts
    })
    .await?;
    let last = votes(&client, arguments.rate, &mut terminate).await?;
    println!("{last}");
    if !arguments.reports_to.is_empty() {
        let mut stream = TcpStream::connect(&arguments.reports_to).await?;
        stream.write_all(format!("{last}\n").as_bytes()).await?;
    }
    Ok(())
}

/// Requests signatures of votes until some time after SIGTERM, and reports the result.
async fn votes(client: &NodeClient, rate: u32, terminate: &mut Signal) -> Result<Value> {
    let key = client.public_key().await?;
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut votes = JoinSet::new();
    let (mut end, mut at_the_signal) = (None, 0);
    while end.is_none_or(|end| Instant::now() < end) {
        tokio::select! {
            _ = terminate.recv(), if end.is_none() => {
                end = Some(Instant::now() + LEAVING);
                at_the_signal = client.report().wished;
            }
            _ = ticks.tick() => {
                let client = client.clone();
                votes.spawn(async move { client.sign(&random_vote(&key), &key).await });
            }
        }
        while votes.try_join_next().is_some() {}
    }
    let last = Instant::now() + PATIENCE;
    while let Ok(Some(_)) = timeout_at(last, votes.join_next()).await {}
    let report = client.report();
    let mut last = json!(report);
    last["pending"] = json!(report.pending());
    last["afterSigterm"] = json!(report.wished - at_the_signal);
    Ok(last)
}

async fn show(counts: impl Fn() -> Value + Clone + Send + Sync + 'static) -> Result<()> {
    for port in PORTS {
        let listener = TcpListener::bind(("0.0.0.0", port))
            .await
            .with_context(|| format!("cannot listen on port {port}"))?;
        let counts = counts.clone();
        tokio::spawn(answer(listener, move |_| ready(counts())));
    }
    Ok(())
}
