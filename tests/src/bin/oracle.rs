//! Compares the signer with Atto's own library over many random requests, and the committed sample with the generator. `oracle
//! COUNT`; `oracle sample` writes the sample again.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use tests::{oracle, workspace};

const COUNT: usize = 12_000;

fn main() -> ExitCode {
    match run() {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("oracle: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let count = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => COUNT,
        ["sample"] => {
            let path = workspace::root().join("tests/vectors/oracle-sample.json");
            fs::write(&path, oracle::generate(oracle::SAMPLED)?)?;
            return Ok(format!("wrote {}", path.display()));
        }
        [count] => count
            .parse()
            .with_context(|| format!("COUNT: found {count:?}, expected a number"))?,
        _ => bail!("takes no arguments, COUNT, or `sample`"),
    };
    ensure!(
        oracle::generate(oracle::SAMPLED)? == oracle::SAMPLE,
        "tests/vectors/oracle-sample.json is not what the generator writes; `cargo run -p tests --bin oracle sample` does"
    );
    let document = oracle::read(&oracle::generate(count)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let checked = runtime.block_on(oracle::check(&document))?;
    Ok(format!(
        "{checked} random blocks, votes and challenges: hash, address and signature are those of Atto's own library"
    ))
}
