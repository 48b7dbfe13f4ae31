//! Fails if a module uses a module that its rule forbids: `shape`, or `shape --root FOLDER --crate NAME` for one crate of
//! another copy.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use tests::shape::{check, rules::RULES};
use tests::workspace;

#[derive(Parser)]
struct Arguments {
    /// The repository to check [default: this one]
    #[arg(long)]
    root: Option<PathBuf>,
    /// A crate to check. Can be repeated [default: all]
    #[arg(long = "crate", value_name = "NAME")]
    crates: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(found) => {
            eprintln!("shape: {found} found; the rules are in tests/src/shape/rules.rs");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("shape: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<usize> {
    let known: Vec<_> = RULES.crates.iter().map(|(name, _)| *name).collect();
    let asked: Vec<_> = arguments.crates.iter().map(String::as_str).collect();
    for name in &asked {
        ensure!(
            known.contains(name),
            "--crate {name}: expected one of {}",
            known.join(", ")
        );
    }
    let asked = if asked.is_empty() { known } else { asked };
    let root = arguments.root.as_deref().unwrap_or(workspace::root());
    let findings = check(root, &asked, &RULES)?;
    for finding in &findings {
        println!("{finding}\n");
    }
    Ok(findings.len())
}
