//! Packs the programs that `make image` has built into images.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Parser;
use tests::images::{Additions, Image, pack};

const MEBIBYTE: u64 = 1 << 20;
/// Maximum size of an image when pulled.
const MOST: u64 = 15 * MEBIBYTE;

const PROGRAMS: [(&str, &str); 2] = [
    (
        "operator",
        "Injects a signer into the Deployments of Atto voter nodes that SignerBindings name",
    ),
    ("signer", "Signs for an Atto voter node with a key in a key service"),
];

/// Packs static programs into OCI image archives.
#[derive(Parser)]
struct Arguments {
    /// Where the archives go.
    #[arg(long)]
    out: PathBuf,
    /// Prefix of the images' names.
    #[arg(long)]
    repository: String,
    /// The commit that is built.
    #[arg(long)]
    revision: String,
    /// The time of that commit, in seconds since 1970.
    #[arg(long)]
    epoch: i64,
    /// An architecture and the folder with its programs, as `amd64=FOLDER`; may be given again.
    #[arg(long = "programs", required = true, value_parser = programs)]
    programs: Vec<(String, PathBuf)>,
}

fn programs(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((architecture @ ("amd64" | "arm64"), folder)) => Ok((architecture.to_owned(), folder.into())),
        _ => Err(format!("found {text:?}, expected amd64=FOLDER or arm64=FOLDER")),
    }
}

fn main() -> Result<()> {
    let Arguments {
        out,
        repository,
        revision,
        epoch,
        programs,
    } = Arguments::parse();
    let mut heavy = vec![];
    println!("| file | architecture | MiB to pull | digest of the index |\n|---|---|---|---|");
    for (name, description) in PROGRAMS {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let image = Image {
            name: name.to_owned(),
            reference: format!("{repository}/{name}:{version}"),
            description: description.to_owned(),
            version,
            revision: revision.clone(),
            epoch,
            programs: programs
                .iter()
                .map(|(architecture, folder)| (architecture.clone(), folder.join(name)))
                .collect(),
            compressed: true,
            additions: Additions::default(),
        };
        let packed = pack(&image, &out)?;
        for (architecture, size) in &packed.sizes {
            let hundredths = size * 100 / MEBIBYTE;
            println!(
                "| {} | {architecture} | {}.{:02} | {} |",
                packed.file.display(),
                hundredths / 100,
                hundredths % 100,
                packed.digest
            );
            if *size > MOST {
                heavy.push(format!("{name} for {architecture}"));
            }
        }
    }
    if !heavy.is_empty() {
        bail!("heavier than {} MiB: {}", MOST / MEBIBYTE, heavy.join(", "));
    }
    Ok(())
}
