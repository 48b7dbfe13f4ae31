//! The slowest requests, with one connection each as from a node: at fixed rates, and at full load.

use std::rc::Rc;

use anyhow::{Context, Result};

use super::load::{self, CALLERS, Connections, Slowest};
use super::rounds::{Ballot, Contender};
use super::{median, row};

const RATES: [u32; 3] = [500, 2_000, 5_000];
/// Seconds at each rate, and in turn at full load.
const SECONDS: u32 = 3;
const ROUNDS: usize = 3;
const REQUESTS: u64 = 20_000;
/// At the last rate, in milliseconds.
const AIM: &str = "99 %: at most 2 ms";

/// A heading, and a row for each pace and contender.
pub fn rows(contenders: &[&Contender]) -> Result<Vec<Vec<String>>> {
    let first = contenders.first().context("nobody to measure")?;
    let mut votes = Ballot::of(load::public_key(first.server.port())?);
    let mut rows = vec![row([
        "one connection per request, ms until the answer",
        "half",
        "99 %",
        "99.9 %",
        "worst",
        "aim",
    ])];
    for rate in RATES {
        let aim = if rate == RATES[RATES.len() - 1] { AIM } else { "" };
        let load = |port: u16, votes: &mut Ballot| {
            let votes = votes.take(u64::from(rate * SECONDS));
            load::at_rate(port, &Rc::new(votes), rate)
        };
        rows.extend(pace(&format!("{rate}/s"), contenders, &mut votes, load, aim)?);
    }
    let load = |port: u16, votes: &mut Ballot| Ok(load::run(port, &votes.take(REQUESTS), Connections::New)?.slowest);
    let full = format!("full load, {CALLERS} callers");
    rows.extend(pace(&full, contenders, &mut votes, load, "")?);
    Ok(rows)
}

/// All contenders in turn, in several rounds.
fn pace(
    what: &str,
    contenders: &[&Contender],
    votes: &mut Ballot,
    load: impl Fn(u16, &mut Ballot) -> Result<Slowest>,
    aim: &str,
) -> Result<Vec<Vec<String>>> {
    let mut found: Vec<Vec<Slowest>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (Contender { name, server }, found) in contenders.iter().zip(&mut found) {
            found.push(load(server.port(), votes).context(*name)?);
        }
    }
    let line = |(index, (contender, found)): (usize, (&&Contender, &Vec<Slowest>))| {
        let of = |share: fn(&Slowest) -> f64| format!("{:.2}", median(&found.iter().map(share).collect::<Vec<_>>()));
        row([
            &format!("{what}: {}", contender.name),
            &of(|slowest| slowest.half),
            &of(|slowest| slowest.of_99_percent),
            &of(|slowest| slowest.of_999_per_mille),
            &of(|slowest| slowest.of_all),
            if index == 0 { aim } else { "" },
        ])
    };
    Ok(contenders.iter().zip(&found).enumerate().map(line).collect())
}
