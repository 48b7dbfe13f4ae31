//! Measures and prints. `bare PORT` is the server that the signer is compared with, started by the program itself.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use tests::bench;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            bench::signer()?;
            println!();
            Runtime::new()
                .context("cannot start a runtime")?
                .block_on(bench::operator())
        }
        ["bare", port] => bench::serve_bare(port.parse().with_context(|| format!("{port:?} is not a port"))?),
        _ => bail!("takes no arguments, or `bare PORT`"),
    }
}
