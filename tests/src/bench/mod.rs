//! Speed and memory, measured and printed but never asserted, because a busy computer is not a defect.

mod backends;
mod bare;
mod guard;
mod heap;
mod held;
mod kotlin;
mod load;
mod memory;
mod operator;
mod pods;
mod rounds;
mod scale;
mod server;
mod table;
mod tail;
mod votes;

use std::time::Duration;

use anyhow::Result;

pub use backends::backends;
pub use bare::serve as serve_bare;
pub use guard::guard;
pub use operator::operator;
pub use pods::pods;
pub use scale::{growth, scale};

use heap::Heap;
use memory::Memory;
use rounds::Contender;
use server::Server;

/// Long enough not to be guessed, as the operator requires.
const TOKEN: &str = "bench-token-0123456789abcdef0123456789abcdef";

/// Time limit for anything in the operator's benchmarks.
const PATIENCE: Duration = Duration::from_mins(1);

/// Workers of both servers: the signer's default.
const WORKERS: usize = 2;

/// Signers under load by their `ATTO_SIGNER_AUDIT`, the fastest first: without lines, and with one line per vote.
const AUDITS: [(&str, &str); 2] = [("signer, audit off", "off"), ("signer, audit of all", "all")];

/// Prints signing under load compared with the bare server, the slowest requests, heap calls, memory, size, and start time.
pub fn signer() -> Result<()> {
    let started = server::start_times()?;
    let gcp = Memory::of_gcp()?;
    let mut contenders = Vec::new();
    for (name, audit) in AUDITS {
        let server = Server::local(audit)?;
        contenders.push(Contender { name, server });
    }
    let with_audit = contenders.len() - 1;
    contenders.push(Contender {
        name: "bare",
        server: Server::bare()?,
    });
    let (mut rounds, mut tail) = (Vec::new(), Vec::new());
    let local = Memory::of(&contenders[0].server, || {
        rounds = rounds::measure(&contenders)?;
        tail = tail::rows(&[&contenders[0], &contenders[with_audit + 1]])?;
        Ok(())
    })?;
    let heap = Heap::measure()?;

    println!("signer with a LOCAL key beside a bare hyper server that compares the token and signs 32 bytes");
    println!("release build, loopback, {WORKERS} workers each, every request a distinct vote\n");
    table::print(&rounds::rows(&contenders, &rounds, with_audit));
    println!();
    table::print(&tail);
    println!();
    table::print(&heap::rows(&heap));
    println!();
    table::print(&memory::rows(&local, &gcp, &started)?);
    Ok(())
}

/// Prints only the slowest requests.
pub fn tail() -> Result<()> {
    let signer = Contender {
        name: AUDITS[0].0,
        server: Server::local(AUDITS[0].1)?,
    };
    let bare = Contender {
        name: "bare",
        server: Server::bare()?,
    };
    table::print(&tail::rows(&[&signer, &bare])?);
    Ok(())
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.0} ms", seconds * 1_000.0)
}

/// The median; for an even number, the lower of the middle two.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(f64::NAN)
}

/// The percentile of sorted values.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}

fn worst(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::max)
}
