//! Measures and prints. `bare PORT` is the server for comparison, which the program itself starts.

use std::process::ExitCode;
use std::time::Duration;

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

fn runtime() -> Result<Runtime> {
    Runtime::new().context("cannot start a runtime")
}

/// How long the steady state is observed.
fn steady_seconds() -> Result<Duration> {
    let text = std::env::var("BENCH_STEADY_SECONDS").unwrap_or_else(|_| "120".to_owned());
    let seconds = text.parse();
    Ok(Duration::from_secs(seconds.with_context(|| {
        format!("BENCH_STEADY_SECONDS: found {text:?}, expected a number of seconds")
    })?))
}

fn run() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            bench::signer()?;
            println!();
            runtime()?.block_on(bench::operator())?;
            println!();
            runtime()?.block_on(bench::scale())?;
            println!();
            runtime()?.block_on(bench::growth(steady_seconds()?))
        }
        ["signer"] => bench::signer(),
        ["tail"] => bench::tail(),
        ["operator"] => runtime()?.block_on(bench::operator()),
        ["scale"] => runtime()?.block_on(bench::scale()),
        ["growth"] => runtime()?.block_on(bench::growth(steady_seconds()?)),
        ["backends"] => runtime()?.block_on(bench::backends()),
        ["guard"] => runtime()?.block_on(bench::guard()),
        ["pods"] => runtime()?.block_on(bench::pods()),
        ["bare", port] => bench::serve_bare(port.parse().with_context(|| format!("{port:?} is not a port"))?),
        _ => {
            bail!(
                "takes no arguments for `signer`, `operator`, `scale` and `growth`, or one of these, or `tail`, `backends`, `guard` or `pods`; or `bare PORT`"
            )
        }
    }
}
