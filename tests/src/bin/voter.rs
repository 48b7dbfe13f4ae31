//! Stands in for Atto's node in a pod: asks for the public key at its start, then has votes signed as the node does until it
//! is told to end, and shows what it counts on port 8080. It can also only wait for its end, as the first container of every pod
//! does.

use std::time::Duration;

use anyhow::{Context, Result};
use clap::{ArgAction, Parser};
use serde_json::{Value, json};
use tests::node_client::{NodeClient, random_vote};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

/// How long it goes on after SIGTERM, as a node that ends in good order: its signer has to be there.
const LEAVING: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Parser)]
struct Arguments {
    /// Only wait for the end.
    #[arg(long, env = "VOTER_ONLY_PAUSES", action = ArgAction::SetTrue)]
    only_pauses: bool,
    /// Without it this is a node that does not vote.
    #[arg(long, env = "ATTO_SIGNER_BACKEND", default_value = "")]
    backend: String,
    #[arg(long, env = "ATTO_SIGNER_REMOTE_URL", default_value = "")]
    url: String,
    #[arg(long, env = "ATTO_SIGNER_REMOTE_TOKEN", hide_env_values = true, default_value = "")]
    token: String,
    /// Votes a second.
    #[arg(long, default_value_t = 20)]
    rate: u32,
    /// Where the last report goes, `HOST:PORT`.
    #[arg(long, env = "VOTER_REPORTS_TO")]
    reports_to: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    if arguments.only_pauses {
        terminate.recv().await;
        return Ok(());
    }
    let listener = TcpListener::bind("0.0.0.0:8080")
        .await
        .context("cannot listen on port 8080")?;
    if arguments.backend != "REMOTE" {
        tokio::spawn(show(listener, || json!({"historical": true})));
        terminate.recv().await;
        return Ok(());
    }
    let client = NodeClient::new(&arguments.url, &arguments.token)?;
    let key = client.public_key().await?;
    let shown = client.clone();
    tokio::spawn(show(listener, move || json!(shown.report())));

    let mut ticks = interval(Duration::from_secs(1) / arguments.rate);
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
    println!("{last}");
    if let Some(reports_to) = arguments.reports_to {
        let mut stream = TcpStream::connect(&reports_to).await?;
        stream.write_all(format!("{last}\n").as_bytes()).await?;
    }
    Ok(())
}

/// Answers whatever is asked with this.
async fn show(listener: TcpListener, counts: impl Fn() -> Value) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = [0; 1024];
        // One read is a whole request without a body; who sends less is not answered better by waiting.
        let _ = stream.read(&mut request).await;
        let body = counts().to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all((head + &body).as_bytes()).await;
    }
}
