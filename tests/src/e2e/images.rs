//! The images of a run: those that `make image` has built where they are asked for, else the programs of this build with the
//! libraries of this machine, which takes no build of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::images::{Additions, Image, pack};
use crate::workspace;

/// What the images of a run are called: never pulled, always there.
pub const TAG: &str = "e2e";

/// A program as an image.
pub fn build(name: &str, tag: &str, program: &Path, folder: &Path, additions: Additions) -> Result<PathBuf> {
    let libraries = libraries(program)?;
    let image = Image {
        name: name.to_owned(),
        reference: format!("localhost/{name}:{tag}"),
        description: "of an end-to-end run".to_owned(),
        version: tag.to_owned(),
        revision: TAG.to_owned(),
        epoch: 0,
        programs: vec![(architecture()?.to_owned(), program.to_owned())],
        compressed: false,
        additions: Additions { libraries, ..additions },
    };
    Ok(pack(&image, folder)?.file)
}

/// A program of this workspace: static, out of the folder `E2E_PROGRAMS`, else of this build.
pub fn program(name: &str) -> Result<PathBuf> {
    match std::env::var_os("E2E_PROGRAMS") {
        // The stand-in of the node is no product, and is in no such folder.
        Some(folder) if !folder.is_empty() && name != "voter" => Ok(Path::new(&folder).join(name)),
        _ => workspace::program(name),
    }
}

fn architecture() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => anyhow::bail!("found a machine of {other}, expected x86_64 or aarch64"),
    }
}

/// What `ldd` says that a program needs, where it is linked dynamically.
fn libraries(program: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let done = Command::new("ldd").arg(program).output().context("cannot run ldd")?;
    let text = String::from_utf8_lossy(&done.stdout);
    let words = text.lines().filter_map(|line| {
        let word = line.split_whitespace().find(|word| word.starts_with('/'))?;
        Some(word.to_owned())
    });
    let mut found = BTreeMap::new();
    for path in words {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {path}"))?;
        found.insert(path.trim_start_matches('/').to_owned(), bytes);
    }
    ensure!(
        done.status.success() || found.is_empty(),
        "ldd {}: {}",
        program.display(),
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(found.into_iter().collect())
}
