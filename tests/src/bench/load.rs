//! A load generator that costs little itself: one thread, HTTP/1.1 written by hand.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::votes::Votes;

/// How requests are spread over connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// All requests of a caller on one.
    Kept,
    /// One for each request, closed by the caller: what Atto's node does.
    New,
}

/// Callers that each wait for an answer before they send the next request.
pub const CALLERS: usize = 32;

/// A round that takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(30);

const ANSWER: usize = 4_096;

/// What a load took.
pub struct Loaded {
    /// All of it, in seconds.
    pub seconds: f64,
    /// 99 % of the requests, in milliseconds.
    pub p99_milliseconds: f64,
}

/// What the callers of a load share.
struct Progress<'a> {
    votes: &'a Votes,
    next: Cell<usize>,
    took: RefCell<Vec<Duration>>,
}

/// Sends all votes to the server on `port`.
///
/// # Errors
/// When any answer is not a 200: figures with failures in them mean nothing.
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
    let mut took = progress.took.into_inner();
    took.sort_unstable();
    let p99 = took.get(took.len() * 99 / 100);
    Ok(Loaded {
        seconds,
        p99_milliseconds: p99.map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0),
    })
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
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => connect(port).await?,
        };
        stream
            .write_all(request)
            .await
            .context("the server closed the connection")?;
        let text = receive(&mut stream, &mut answer).await?;
        ensure!(
            text.starts_with(b"HTTP/1.1 200 "),
            "not a 200:\n{}",
            String::from_utf8_lossy(text)
        );
        progress.took.borrow_mut().push(started.elapsed());
        if connections == Connections::Kept {
            kept = Some(stream);
        }
    }
}

async fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .await
        .context("cannot connect")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One whole answer: its head, and as much of a body as the head says.
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

/// Bytes of the answer that `start` begins, once its head is there.
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

/// The status and body of a `GET`, on a connection of its own.
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
