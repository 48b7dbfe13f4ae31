//! Fails if a text uses a word of `docs/words.yaml`. `words sample --seed 7` prints sentences for a person to judge.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tests::{words, workspace};

#[derive(Parser)]
struct Arguments {
    /// The repository to check [default: this one]
    #[arg(long)]
    root: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print random sentences of every kind of text
    Sample {
        /// Decides which sentences
        #[arg(long)]
        seed: u64,
        /// How many
        #[arg(long, default_value_t = 100)]
        count: usize,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(found) => {
            eprintln!("words: {found} found; the list, with better words, is {}", words::LIST);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("words: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<usize> {
    let root = arguments.root.as_deref().unwrap_or(workspace::root());
    if let Some(Command::Sample { seed, count }) = arguments.command {
        for drawn in words::sample(root, seed, count)? {
            println!(
                "{:<12} {}:{}\n             {}",
                drawn.kind, drawn.path, drawn.line, drawn.sentence
            );
        }
        return Ok(0);
    }
    let findings = words::check(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    Ok(findings.len())
}
