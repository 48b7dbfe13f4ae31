//! What the signer adds to a call of each key service, and what a signer of each takes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::join_all;
use tokio::task::block_in_place;
use tokio::time::{MissedTickBehavior, interval};

use super::memory::mebibytes;
use super::server::Server;
use super::{TOKEN, median, percentile, row, table, worst};
use crate::fake_server::For;
use crate::key_front::{Act, Book};
use crate::key_services::{ALL, Call, KeyService, Start, is_sign};
use crate::node_client::{Message, NodeClient, random_vote};

/// Votes a second.
const RATE: u32 = 500;
/// For ten seconds.
const VOTES: usize = 5_000;
/// Of a start; the median is printed.
const STARTS: usize = 5;

struct Measured {
    /// From exec to a readiness answer of 200, in seconds.
    start: f64,
    /// What the front before the service took to answer, in seconds.
    service: Vec<f64>,
    /// What a vote took beyond that, in seconds.
    added: Vec<f64>,
    resident: u64,
    logins: usize,
}

/// Measures each and prints a table.
///
/// # Errors
/// When a key service or its signer does not start, or a vote is lost.
pub async fn backends() -> Result<()> {
    let mut rows = vec![row([
        "signer at 500 votes a second, a connection each",
        "exec to ready",
        "the service, median",
        "added, median",
        "99 of 100",
        "worst",
        "memory",
        "logins",
    ])];
    for (name, start) in ALL {
        let [with_service, without] = measure(start).await.context(name)?;
        rows.push(of(name, &with_service));
        rows.push(of(&format!("{name}, its answers ready"), &without));
    }
    rows.push(row(["aim", "50 ms", "", "", "1.0 ms", "", "40 MiB", "1"]));
    println!(
        "the services run on this machine too, and take its processors; with their answers ready, the front gives those of the run before\n"
    );
    table::print(&rows);
    Ok(())
}

fn of(name: &str, measured: &Measured) -> Vec<String> {
    let milliseconds = |seconds: f64| format!("{:.2} ms", seconds * 1_000.0);
    let mut added = measured.added.clone();
    added.sort_by(f64::total_cmp);
    row([
        name,
        &milliseconds(measured.start),
        &milliseconds(median(&measured.service)),
        &milliseconds(median(&added)),
        &milliseconds(percentile(&added, 99)),
        &milliseconds(worst(&added)),
        &mebibytes(measured.resident),
        &measured.logins.to_string(),
    ])
}

/// With the service, and with its answers of before: it takes the processors of the signer otherwise.
async fn measure(start: Start) -> Result<[Measured; 2]> {
    let service = start().await?;
    let key = service.key();
    let votes: Vec<_> = (0..VOTES).map(|_| random_vote(&key)).collect();
    let book = Book::default();
    let sign = || is_sign(&*service);
    service.front().on(sign(), Act::Keep(book.clone()), For::Ever);
    let with_service = measure_one(&*service, &votes).await?;
    service.front().clear();
    service.front().on(sign(), Act::Recall(book), For::Ever);
    Ok([with_service, measure_one(&*service, &votes).await?])
}

async fn measure_one(service: &dyn KeyService, votes: &[Message]) -> Result<Measured> {
    let mut starts = vec![];
    for _ in 1..STARTS {
        starts.push(begin(service)?.ready_after().as_secs_f64());
    }
    let (before, asked_before) = (service.logins(), service.front().asked().len());
    let signer = begin(service)?;
    starts.push(signer.ready_after().as_secs_f64());
    let node = NodeClient::new(&format!("http://127.0.0.1:{}", signer.port()), TOKEN)?;
    let took = load(&node, service, votes).await?;
    let answers: HashMap<Vec<u8>, f64> = service
        .front()
        .asked()
        .split_off(asked_before)
        .into_iter()
        .filter_map(|asked| match (service.call())(&asked)? {
            Call::Sign(bytes) => Some((bytes, asked.took()?.as_secs_f64())),
            _ => None,
        })
        .collect();
    let pairs = took.iter().filter_map(|(hash, took)| Some((answers.get(hash)?, took)));
    let (service_took, added) = pairs.map(|(service, took)| (*service, took - service)).unzip();
    Ok(Measured {
        start: median(&starts),
        service: service_took,
        added,
        resident: signer.resident_bytes()?,
        logins: service.logins() - before,
    })
}

fn begin(service: &dyn KeyService) -> Result<Server> {
    let environment = service.environment();
    let pairs = environment.iter().map(|(name, value)| (*name, value.as_str()));
    // It asks whether the signer is ready, again and again, in this thread.
    block_in_place(|| Server::signer(pairs))
}

/// What each vote took, by its hash, in seconds.
async fn load(node: &NodeClient, service: &dyn KeyService, wanted: &[Message]) -> Result<Vec<(Vec<u8>, f64)>> {
    let key = service.key();
    let mut ticks = interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut votes = vec![];
    for vote in wanted.iter().cloned() {
        ticks.tick().await;
        let node = node.clone();
        votes.push(tokio::spawn(async move {
            let asked = Instant::now();
            let outcome = node.sign(&vote, &key).await;
            (vote.hash, asked.elapsed().as_secs_f64(), outcome.result.is_ok())
        }));
    }
    let mut took = vec![];
    for vote in join_all(votes).await {
        let (hash, seconds, is_signed) = vote?;
        anyhow::ensure!(is_signed, "a vote was lost");
        took.push((hash, seconds));
    }
    Ok(took)
}
