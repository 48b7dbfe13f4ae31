//! The two servers under the same load in turn: A B A B, so that a machine that slows down hurts both alike.

use anyhow::{Context, Result};

use super::load::{self, CALLERS, Connections};
use super::server::Server;
use super::votes::Votes;
use super::{median, row};

const ROUNDS: usize = 5;

/// Requests of a round: so many that the clock tick of 10 ms is about one percent of the CPU they cost.
const REQUESTS: u64 = 30_000;

const WARM_UP: u64 = 4_000;

/// What the rounds of one way of connecting gave.
pub struct Measured {
    connections: Connections,
    signer: Figures,
    bare: Figures,
}

/// Of each round.
#[derive(Default)]
struct Figures {
    per_second: Vec<f64>,
    cpu_microseconds: Vec<f64>,
}

/// Loads both servers, some 40 seconds in all.
pub fn measure(signer: &Server, bare: &Server) -> Result<Vec<Measured>> {
    let (_, answer) = load::get(signer.port(), "/public-keys")?;
    let answer: serde_json::Value = serde_json::from_str(&answer).context("/public-keys is not JSON")?;
    let public_key = answer["publicKey"].as_str().context("/public-keys has no publicKey")?;
    let mut votes = Ballot {
        public_key: public_key.to_owned(),
        used: 0,
    };
    [Connections::Kept, Connections::New]
        .into_iter()
        .map(|connections| {
            let mut measured = Measured {
                connections,
                signer: Figures::default(),
                bare: Figures::default(),
            };
            load::run(signer.port(), &votes.take(WARM_UP), connections).context("the signer")?;
            load::run(bare.port(), &votes.take(WARM_UP), connections).context("the bare server")?;
            for _ in 0..ROUNDS {
                measured
                    .signer
                    .round(signer, &votes.take(REQUESTS), connections)
                    .context("the signer")?;
                measured
                    .bare
                    .round(bare, &votes.take(REQUESTS), connections)
                    .context("the bare server")?;
            }
            Ok(measured)
        })
        .collect()
}

/// Hands out votes that nobody has had before.
struct Ballot {
    public_key: String,
    used: u64,
}

impl Ballot {
    fn take(&mut self, count: u64) -> Votes {
        let votes = Votes::new(&self.public_key, self.used, count);
        self.used += count;
        votes
    }
}

impl Figures {
    #[expect(clippy::cast_precision_loss, reason = "some thousand requests")]
    fn round(&mut self, server: &Server, votes: &Votes, connections: Connections) -> Result<()> {
        let before = server.cpu_seconds()?;
        let seconds = load::run(server.port(), votes, connections)?;
        let cpu = server.cpu_seconds()? - before;
        let requests = votes.len() as f64;
        self.per_second.push(requests / seconds);
        self.cpu_microseconds.push(cpu * 1_000_000.0 / requests);
        Ok(())
    }
}

/// A heading and, for each way of connecting, a row for each server and one that compares them.
pub fn rows(measured: &[Measured]) -> Vec<Vec<String>> {
    let heading = format!("medians of {ROUNDS} rounds of {REQUESTS} requests");
    let mut rows = vec![row([&heading, "signatures/s", "CPU µs each", "aim"])];
    for Measured {
        connections,
        signer,
        bare,
    } in measured
    {
        let (name, aim) = match connections {
            Connections::Kept => (format!("keep-alive, {CALLERS} connections"), "1.50"),
            Connections::New => ("one connection per request".to_owned(), "1.25"),
        };
        for (who, figures) in [("signer", signer), ("bare", bare)] {
            let speed = format!("{:.0}", median(&figures.per_second));
            rows.push(row([
                &format!("{name}: {who}"),
                &speed,
                &format!("{:.1}", median(&figures.cpu_microseconds)),
                "",
            ]));
        }
        let times = median(&signer.cpu_microseconds) / median(&bare.cpu_microseconds);
        rows.push(row([
            &format!("{name}: signer / bare"),
            "",
            &format!("{times:.2}"),
            &format!("at most {aim}"),
        ]));
    }
    rows
}
