//! Speed and memory, measured and printed, never asserted: a machine that is busy with something else is no bug.

mod bare;
mod load;
mod operator;
mod rounds;
mod server;
mod table;
mod votes;

use anyhow::Result;

pub use bare::serve as serve_bare;
pub use operator::operator;

/// Long enough that no guess succeeds, as the operator asks for.
const TOKEN: &str = "bench-token-0123456789abcdef0123456789abcdef";

/// Workers of both servers: the signer's default.
const WORKERS: usize = 2;

/// What is printed: signing under load beside the bare server, memory at rest, time to start.
pub fn signer() -> Result<()> {
    let started = server::start_times()?;
    let (signer, bare) = (server::Server::signer()?, server::Server::bare()?);
    let idle = signer.resident_bytes()?;
    let rounds = rounds::measure(&signer, &bare)?;
    let loaded = signer.resident_bytes()?;

    println!("signer with a LOCAL key beside a bare hyper server that compares the token and signs 32 bytes");
    println!("release build, loopback, {WORKERS} workers each, every request a distinct vote\n");
    table::print(&rounds::rows(&rounds));
    println!();
    table::print(&[
        row(["signer at rest", "median", "worst", "aim"]),
        row(["resident memory, idle", &mebibytes(idle), "", "at most 20 MiB"]),
        row(["resident memory, after the load", &mebibytes(loaded), "", ""]),
        row([
            "exec to ready",
            &milliseconds(median(&started)),
            &milliseconds(worst(&started)),
            "under 100 ms",
        ]),
    ]);
    Ok(())
}

fn row(cells: [&str; 4]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "memory of one process is far below 2^52 bytes"
)]
fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.0} ms", seconds * 1_000.0)
}

/// Of an even count, the lower of the middle two.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(f64::NAN)
}

fn worst(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::max)
}
