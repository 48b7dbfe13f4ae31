//! Packs the kubectl plugin that `make release` has built.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use tests::plugin::{Platform, pack};

/// Packs the kubectl plugin for each platform, and writes the manifest of krew.
#[derive(Parser)]
struct Arguments {
    /// Where the archives and the manifest go.
    #[arg(long)]
    out: PathBuf,
    /// The time of the commit that is built, in seconds since 1970.
    #[arg(long)]
    epoch: u64,
    /// A platform and its program, as `linux/amd64=FILE`; may be given again.
    #[arg(long = "program", required = true, value_parser = program)]
    programs: Vec<(Platform, PathBuf)>,
}

fn program(text: &str) -> Result<(Platform, PathBuf), String> {
    let (platform, file) = text
        .split_once('=')
        .ok_or_else(|| format!("found {text:?}, expected linux/amd64=FILE"))?;
    Ok((platform.parse()?, file.into()))
}

fn main() -> Result<()> {
    let Arguments { out, epoch, programs } = Arguments::parse();
    let programs: Vec<_> = programs
        .iter()
        .map(|(platform, file)| (platform.clone(), file.as_path()))
        .collect();
    pack(&out, env!("CARGO_PKG_VERSION"), epoch, &programs)
}
