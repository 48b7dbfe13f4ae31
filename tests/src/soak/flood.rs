//! Connections without useful requests.

use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, interval, sleep, sleep_until};

use super::Measured;
use super::rig::{Rig, signed};
use super::row::{Row, milliseconds};
use crate::node_client::{Load, Report};
use crate::signer_process::get;

pub const NAME: &str = "10,000 connections, silent, dripping or with half a head";

const VOTES_PER_SECOND: u32 = 20;
const HEAD: &[u8] = b"POST /votes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-More: ";
/// The kubelet's default timeout of a probe.
const PROBE_MILLISECONDS: f64 = 1_000.0;

/// How many connections, how fast, and how long the last ones stay.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    pub connections: u32,
    pub per_second: u32,
    pub duration: Duration,
}

/// The signer's results meanwhile.
#[derive(Debug)]
pub struct Flooded {
    /// Connections made.
    pub connected: usize,
    /// Answers of `/health`, all with 200, and their longest duration.
    pub healthy: (u32, Duration),
    /// Votes that were requested all the time.
    pub report: Report,
}

const FLOOD: Flood = Flood {
    connections: 10_000,
    per_second: 1_000,
    duration: Duration::from_secs(15),
};

pub(super) async fn measure() -> Measured {
    let rig = Rig::start().await?;
    let Flooded {
        connected,
        healthy: (asked, slowest),
        report,
    } = FLOOD.run(&rig).await?;
    Ok(vec![
        Row::at_most(
            "slowest answer of /health",
            "ms",
            PROBE_MILLISECONDS,
            milliseconds(slowest),
        )
        .with(&format!("{asked} answers, all 200, while {connected} connections came")),
        Row::exactly("votes signed", report.wished, report.signed),
        Row::slowest_answer(report.slowest_answer).with(&signed(&report)),
        rig.memory()?,
    ])
}

impl Flood {
    /// Floods the signer's API.
    ///
    /// # Errors
    /// If `/health` does not answer with 200.
    pub async fn run(self, rig: &Rig) -> Result<Flooded> {
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
        let end = Instant::now() + self.duration;
        let load = Load {
            rate: VOTES_PER_SECOND,
            count: None,
            duration: Some(self.duration),
            patience: Duration::from_secs(10),
        };
        let management = rig.signer.management_port();
        let health = spawn_blocking(move || watch_health(management, end.into_std()));
        let (connected, report, health) = tokio::join!(self.attack(rig.signer.port(), end), rig.load(load), health);
        Ok(Flooded {
            connected,
            healthy: health??,
            report: report?,
        })
    }

    /// Connects repeatedly until the number is reached, and keeps open connections until the end. Returns their number.
    async fn attack(self, port: u16, end: Instant) -> usize {
        let mut ticks = interval(Duration::from_secs(1) / self.per_second);
        let mut connections = JoinSet::new();
        for number in 0..self.connections {
            ticks.tick().await;
            connections.spawn(async move {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
                let bother = bother(&mut stream, number);
                tokio::select! {
                    () = bother => {}
                    () = sleep_until(end) => {}
                }
                Some(())
            });
        }
        connections.join_all().await.into_iter().flatten().count()
    }
}

/// Until the signer closes the connection.
async fn bother(stream: &mut TcpStream, number: u32) {
    let (mut reader, mut writer) = stream.split();
    let closed = async {
        let mut answer = [0; 256];
        while reader.read(&mut answer).await.is_ok_and(|read| read > 0) {}
    };
    let write = async {
        match number % 3 {
            0 => {}
            1 => {
                // The signer ends this by closing the connection.
                let _ = writer.write_all(&HEAD[..HEAD.len() / 2]).await;
            }
            _ => {
                for byte in HEAD.iter().cycle() {
                    if writer.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                    sleep(Duration::from_millis(200)).await;
                }
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = closed => {}
        () = write => {}
    }
}

/// How often `/health` answered until then, and the longest duration.
fn watch_health(port: u16, end: std::time::Instant) -> Result<(u32, Duration)> {
    let (mut asked, mut slowest) = (0, Duration::ZERO);
    while std::time::Instant::now() < end {
        let started = std::time::Instant::now();
        let answer = get(port, "/health").context("/health")?;
        anyhow::ensure!(answer.status == 200, "/health answered {}", answer.status);
        slowest = slowest.max(started.elapsed());
        asked += 1;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok((asked, slowest))
}
