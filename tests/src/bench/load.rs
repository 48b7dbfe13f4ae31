//! A load generator with a low cost of its own: one thread, handwritten HTTP/1.1.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use super::votes::Votes;

/// How requests are distributed over connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// All requests of a caller on one connection.
    Kept,
    /// One connection per request, closed by the caller, as Atto's node does.
    New,
}

/// Number of callers. Each waits for an answer before its next request.
pub const CALLERS: usize = 32;

/// A round that takes longer counts as hung.
const PATIENCE: Duration = Duration::from_secs(30);

const ANSWER: usize = 4_096;

/// Servers are called at this many addresses of this computer in turn. A closed connection blocks its client port for a second,
/// and the kernel searches all of the 28,000 ports when half of them are used. With one address, the load would be limited to
/// 14,000 connections a second, independent of the server, and the slowest would wait for 50 ms.
const ADDRESSES: u8 = 16;
static NEXT: AtomicU8 = AtomicU8::new(0);

/// The result of a load.
pub struct Loaded {
    /// Its total duration in seconds.
    pub seconds: f64,
    /// The slowest of these shares of the requests.
    pub slowest: Slowest,
}

/// The slowest of shares of requests, in milliseconds.
#[derive(Clone, Copy)]
pub struct Slowest {
    pub half: f64,
    pub of_99_percent: f64,
    pub of_999_per_mille: f64,
    pub of_all: f64,
}

impl Slowest {
    fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let share = |per_mille: usize| {
            let at = (took.len() * per_mille / 1_000).min(took.len().saturating_sub(1));
            took.get(at).map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0)
        };
        Self {
            half: share(500),
            of_99_percent: share(990),
            of_999_per_mille: share(999),
            of_all: share(1_000),
        }
    }
}

/// State that the callers of a load share.
struct Progress<'a> {
    votes: &'a Votes,
    next: Cell<usize>,
    took: RefCell<Vec<Duration>>,
}

/// Sends all votes to the server on `port`.
///
/// # Errors
/// If any answer is not a 200, because the figures would be meaningless.
pub fn run(port: u16, votes: &Votes, connections: Connections) -> Result<Loaded> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let progress = Progress {
        votes,
        next: Cell::new(0),
        took: RefCell::new(Vec::with_capacity(votes.len())),
    };
    let started = Instant::now();
    let callers = (0..CALLERS).map(|_| call(port, connections, &progress));
    let all = futures::future::try_join_all(callers);
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, all)
            .await
            .context("the load took more than 30 s")?
    })?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(Loaded {
        seconds,
        slowest: Slowest::of(progress.took.into_inner()),
    })
}

/// Sends all votes to the server on `port` at a fixed rate, independent of earlier ones, with one connection each. Durations
/// count from the scheduled time.
///
/// # Errors
/// When any answer is not a 200.
pub fn at_rate(port: u16, votes: &Rc<Votes>, per_second: u32) -> Result<Slowest> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let exchanges = LocalSet::new();
    let all = exchanges.run_until(async {
        let started = Instant::now();
        let mut under_way = Vec::with_capacity(votes.len());
        for index in 0..votes.len() {
            let moment = started + Duration::from_secs(1) * u32::try_from(index)? / per_second;
            // A timer could be late by up to a millisecond.
            while Instant::now() < moment {
                tokio::task::yield_now().await;
            }
            let votes = Rc::clone(votes);
            under_way.push(tokio::task::spawn_local(async move {
                let mut answer = [0; ANSWER];
                let request = votes.get(index).unwrap_or_default();
                ask(connect(port).await?, request, &mut answer).await?;
                anyhow::Ok(moment.elapsed())
            }));
        }
        let mut took = Vec::with_capacity(votes.len());
        for exchange in under_way {
            took.push(exchange.await??);
        }
        anyhow::Ok(took)
    });
    let took = runtime.block_on(async {
        tokio::time::timeout(PATIENCE, all)
            .await
            .context("the load took more than 30 s")?
    })?;
    Ok(Slowest::of(took))
}

async fn call(port: u16, connections: Connections, progress: &Progress<'_>) -> Result<()> {
    let mut kept: Option<TcpStream> = None;
    let mut answer = [0; ANSWER];
    loop {
        let index = progress.next.get();
        progress.next.set(index + 1);
        let Some(request) = progress.votes.get(index) else {
            return Ok(());
        };
        let started = Instant::now();
        let stream = match kept.take() {
            Some(stream) => stream,
            None => connect(port).await?,
        };
        let stream = ask(stream, request, &mut answer).await?;
        progress.took.borrow_mut().push(started.elapsed());
        if connections == Connections::Kept {
            kept = Some(stream);
        }
    }
}

/// Sends a request and expects a 200.
async fn ask(mut stream: TcpStream, request: &[u8], answer: &mut [u8; ANSWER]) -> Result<TcpStream> {
    stream
        .write_all(request)
        .await
        .context("the server closed the connection")?;
    let text = receive(&mut stream, answer).await?;
    ensure!(
        text.starts_with(b"HTTP/1.1 200 "),
        "not a 200:\n{}",
        String::from_utf8_lossy(text)
    );
    Ok(stream)
}

async fn connect(port: u16) -> Result<TcpStream> {
    let last = 1 + NEXT.fetch_add(1, Relaxed) % ADDRESSES;
    let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), port)))
        .await
        .context("cannot connect")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One whole answer: its head, and the body with the length that the head gives.
async fn receive<'a>(stream: &mut TcpStream, buffer: &'a mut [u8; ANSWER]) -> Result<&'a [u8]> {
    let mut filled = 0;
    loop {
        let read = stream
            .read(&mut buffer[filled..])
            .await
            .context("the connection broke")?;
        if read == 0 {
            bail!("the server closed the connection inside an answer of {filled} bytes (the buffer holds {ANSWER})");
        }
        filled += read;
        if let Some(length) = length_of(&buffer[..filled])
            && filled >= length
        {
            return Ok(&buffer[..filled]);
        }
    }
}

/// Total length of the answer that begins with `start`, once its head is complete.
fn length_of(start: &[u8]) -> Option<usize> {
    const FIELD: &[u8] = b"content-length:";
    let head = start.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let body = start[..head].split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(FIELD.len())?;
        name.eq_ignore_ascii_case(FIELD)
            .then(|| str::from_utf8(value).ok()?.trim().parse::<usize>().ok())?
    });
    Some(head + body.unwrap_or(0))
}

/// The public key of the signer on this port.
pub fn public_key(port: u16) -> Result<String> {
    let (_, answer) = get(port, "/public-keys")?;
    let answer: serde_json::Value = serde_json::from_str(&answer).context("/public-keys is not JSON")?;
    let public_key = answer["publicKey"].as_str();
    Ok(public_key.context("/public-keys has no publicKey")?.to_owned())
}

/// The status and body of a `GET`, on a separate connection.
pub fn get(port: u16, path: &str) -> Result<(String, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let exchange = async {
        let mut stream = connect(port).await?;
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
            .await?;
        let mut answer = [0; ANSWER];
        let text = String::from_utf8_lossy(receive(&mut stream, &mut answer).await?).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").context("an answer without a head")?;
        let status = head.split(' ').nth(1).context("an answer without a status")?;
        Ok((status.to_owned(), body.to_owned()))
    };
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, exchange)
            .await
            .context("no answer in 30 s")?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        assert_eq!(length_of(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"), None);
        assert_eq!(length_of(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"), Some(43));
        assert_eq!(
            length_of(b"HTTP/1.1 200 OK\r\nContent-Length:5\r\na: b\r\n\r\nhello"),
            Some(48)
        );
        assert_eq!(length_of(b"HTTP/1.1 204 No Content\r\n\r\n"), Some(27));
    }
}
