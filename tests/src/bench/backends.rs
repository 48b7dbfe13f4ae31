//! The time that the signer adds to a call of each key service, and the memory of a signer for each.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::block_in_place;

use super::memory::mebibytes;
use super::server::Server;
use super::{TOKEN, median, percentile, row, table};
use crate::fake_server::For;
use crate::key_front::{Act, Asked, Book};
use crate::key_services::{ALL, KeyService, is_sign};
use crate::node_client::{Message, NodeClient, paced, random_vote};

/// Votes per second.
const RATE: u32 = 500;
/// Rounds of one second each, through the signer and then directly.
const ROUNDS: usize = 10;
/// Votes per second when the services themselves answer: half as many as the slowest service can sign on this computer.
const FIRST_RATE: u32 = 200;
/// Number of starts. The median is printed.
const STARTS: usize = 5;

/// Times in seconds, each list in order.
struct Measured {
    /// From exec to a readiness answer of 200.
    start: f64,
    /// Answer time of the signer, for the test's requests.
    through: Vec<f64>,
    /// Answer time of the front for the signer's own requests.
    past: Vec<f64>,
    resident: u64,
    logins: usize,
}

/// Measures each key service, and prints a table.
///
/// # Errors
/// If a key service or its signer does not start, or a vote is not signed.
pub async fn backends() -> Result<()> {
    let mut rows = vec![row([
        "500 votes a second, a connection each",
        "exec to ready",
        "through the signer, median",
        "through it, 99 of 100",
        "past it, median",
        "past it, 99 of 100",
        "added, median",
        "added, 99 of 100",
        "memory",
        "logins",
    ])];
    for (name, start) in ALL {
        let service = start().await.context(name)?;
        rows.push(of(name, &measure(&*service).await.context(name)?));
    }
    rows.push(row(["aim", "50 ms", "", "", "", "", "", "1.0 ms", "40 MiB", "1"]));
    println!(
        "a stand-in before each service has its answers to these votes ready: the services would take the processors of the signer here\n"
    );
    table::print(&rows);
    Ok(())
}

fn of(name: &str, measured: &Measured) -> Vec<String> {
    let milliseconds = |seconds: f64| format!("{:.2} ms", seconds * 1_000.0);
    let (through, past) = (&measured.through, &measured.past);
    let added = |percent| percentile(through, percent) - percentile(past, percent);
    row([
        name,
        &milliseconds(measured.start),
        &milliseconds(percentile(through, 50)),
        &milliseconds(percentile(through, 99)),
        &milliseconds(percentile(past, 50)),
        &milliseconds(percentile(past, 99)),
        &milliseconds(added(50)),
        &milliseconds(added(99)),
        &mebibytes(measured.resident),
        &measured.logins.to_string(),
    ])
}

/// Replays the answers that the service gave to the first requests.
async fn measure(service: &dyn KeyService) -> Result<Measured> {
    let key = service.key();
    let votes: Vec<_> = (0..RATE as usize * ROUNDS).map(|_| random_vote(&key)).collect();
    let book = Book::default();
    let sign = || is_sign(service);
    service.front().on(sign(), Act::Keep(book.clone()), For::Ever);
    {
        let signer = begin(service)?;
        let node = Asking::new(&signer)?;
        paced(&node.host, node.requests(&votes), FIRST_RATE).await?;
    }
    service.front().clear();
    service.front().on(sign(), Act::Recall(book), For::Ever);
    let mut starts = vec![];
    for _ in 1..STARTS {
        starts.push(begin(service)?.ready_after().as_secs_f64());
    }
    let logins_before = service.logins();
    let signer = begin(service)?;
    starts.push(signer.ready_after().as_secs_f64());
    let (node, front) = (Asking::new(&signer)?, service.front().address()?.to_string());
    let (mut through, mut past) = (vec![], vec![]);
    for votes in votes.chunks(RATE as usize) {
        let before = service.front().asked().len();
        through.extend(paced(&node.host, node.requests(votes), RATE).await?);
        let mut asked = service.front().asked().split_off(before);
        asked.retain(is_sign(service));
        past.extend(paced(&front, asked.iter().map(again).collect(), RATE).await?);
    }
    Ok(Measured {
        start: median(&starts),
        through: in_order(&through),
        past: in_order(&past),
        resident: signer.resident_bytes()?,
        logins: service.logins() - logins_before,
    })
}

/// A client of a signer.
struct Asking {
    host: String,
    node: NodeClient,
}

impl Asking {
    fn new(signer: &Server) -> Result<Self> {
        let host = format!("127.0.0.1:{}", signer.port());
        let node = NodeClient::new(&format!("http://{host}"), TOKEN)?;
        Ok(Self { host, node })
    }

    fn requests(&self, votes: &[Message]) -> Vec<Vec<u8>> {
        votes.iter().map(|vote| self.node.request(vote)).collect()
    }
}

fn in_order(times: &[Duration]) -> Vec<f64> {
    let mut seconds: Vec<_> = times.iter().map(Duration::as_secs_f64).collect();
    seconds.sort_by(f64::total_cmp);
    seconds
}

/// The bytes of a repeated request.
fn again(asked: &Asked) -> Vec<u8> {
    let mut request = format!("{} {} HTTP/1.1\r\n", asked.method, asked.path).into_bytes();
    for (name, value) in &asked.headers {
        request.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    // Otherwise the reader would not see the end of a chunked answer.
    request.extend([b"connection: close\r\n\r\n", asked.body.as_ref()].concat());
    request
}

fn begin(service: &dyn KeyService) -> Result<Server> {
    let environment = service.environment();
    let pairs = environment.iter().map(|(name, value)| (*name, value.as_str()));
    // It polls the signer's readiness in this thread.
    block_in_place(|| Server::signer(pairs))
}
