//! Servers under the same load alternately: A B A B, so that a computer that becomes slower affects all equally.

use anyhow::{Context, Result};

use super::kotlin;
use super::load::{self, CALLERS, Connections};
use super::server::Server;
use super::votes::Votes;
use super::{median, row};

const ROUNDS: usize = 5;

/// Requests of a round: enough that the clock tick of 10 ms is about one percent of their CPU time.
const REQUESTS: u64 = 30_000;

const WARM_UP: u64 = 4_000;

/// One of the servers.
pub struct Contender {
    pub name: &'static str,
    pub server: Server,
}

/// The results of the rounds for one kind of connection, in the order of the contenders.
pub struct Measured {
    connections: Connections,
    figures: Vec<Figures>,
}

/// Results of each round.
#[derive(Default)]
struct Figures {
    per_second: Vec<f64>,
    cpu_microseconds: Vec<f64>,
    p99_milliseconds: Vec<f64>,
}

/// Loads all servers, for about 20 seconds each. Votes name the first one's key.
pub fn measure(contenders: &[Contender]) -> Result<Vec<Measured>> {
    let first = contenders.first().context("nobody to measure")?;
    let mut votes = Ballot::of(load::public_key(first.server.port())?);
    [Connections::Kept, Connections::New]
        .into_iter()
        .map(|connections| {
            for Contender { name, server } in contenders {
                load::run(server.port(), &votes.take(WARM_UP), connections).context(*name)?;
            }
            let mut figures: Vec<_> = contenders.iter().map(|_| Figures::default()).collect();
            for _ in 0..ROUNDS {
                for (Contender { name, server }, figures) in contenders.iter().zip(&mut figures) {
                    figures
                        .round(server, &votes.take(REQUESTS), connections)
                        .context(*name)?;
                }
            }
            Ok(Measured { connections, figures })
        })
        .collect()
}

/// Issues votes that were not used before.
pub struct Ballot {
    public_key: String,
    used: u64,
}

impl Ballot {
    /// For this voter, in hexadecimal digits.
    pub const fn of(public_key: String) -> Self {
        Self { public_key, used: 0 }
    }

    pub fn take(&mut self, count: u64) -> Votes {
        let votes = Votes::new(&self.public_key, self.used, count);
        self.used += count;
        votes
    }
}

impl Figures {
    #[expect(clippy::cast_precision_loss, reason = "some thousand requests")]
    fn round(&mut self, server: &Server, votes: &Votes, connections: Connections) -> Result<()> {
        let before = server.cpu_seconds()?;
        let loaded = load::run(server.port(), votes, connections)?;
        let cpu = server.cpu_seconds()? - before;
        let requests = votes.len() as f64;
        self.per_second.push(requests / loaded.seconds);
        self.cpu_microseconds.push(cpu * 1_000_000.0 / requests);
        self.p99_milliseconds.push(loaded.slowest.of_99_percent);
        Ok(())
    }

    fn medians(&self) -> kotlin::Figures {
        kotlin::Figures {
            per_second: median(&self.per_second),
            cpu_microseconds: median(&self.cpu_microseconds),
            p99_milliseconds: median(&self.p99_milliseconds),
        }
    }
}

/// A heading and, for each kind of connection, a row for each contender, one that compares the first with the last, and one for
/// the earlier signer. `absolute` is the contender whose CPU time has an aim of its own.
pub fn rows(contenders: &[Contender], measured: &[Measured], absolute: usize) -> Vec<Vec<String>> {
    let heading = format!("medians of {ROUNDS} rounds of {REQUESTS} requests");
    let mut rows = vec![row([
        &heading,
        "signatures/s",
        "CPU µs each",
        "99 % within ms",
        "aim, CPU",
    ])];
    for Measured { connections, figures } in measured {
        let (way, times, most, before) = match connections {
            Connections::Kept => (
                format!("keep-alive, {CALLERS} connections"),
                "1.05",
                "30 µs",
                kotlin::KEPT,
            ),
            Connections::New => ("one connection per request".to_owned(), "0.90", "45 µs", kotlin::NEW),
        };
        let medians: Vec<_> = figures.iter().map(Figures::medians).collect();
        for (index, (contender, figures)) in contenders.iter().zip(&medians).enumerate() {
            let aim = if index == absolute {
                format!("at most {most}")
            } else {
                String::new()
            };
            rows.push(line(&format!("{way}: {}", contender.name), figures, &aim));
        }
        if let (Some((first, bare)), Some(name)) = (medians.first().zip(medians.last()), contenders.last()) {
            let ratio = format!("{:.2}", first.cpu_microseconds / bare.cpu_microseconds);
            let what = format!("{way}: {} / {}", contenders[0].name, name.name);
            rows.push(row([&what, "", &ratio, "", &format!("at most {times}")]));
        }
        rows.push(line(&format!("{way}: Kotlin signer, measured elsewhere"), &before, ""));
    }
    rows
}

fn line(what: &str, figures: &kotlin::Figures, aim: &str) -> Vec<String> {
    row([
        what,
        &format!("{:.0}", figures.per_second),
        &format!("{:.1}", figures.cpu_microseconds),
        &format!("{:.1}", figures.p99_milliseconds),
        aim,
    ])
}
