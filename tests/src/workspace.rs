//! Builds the programs of this workspace for the running test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Builds a program of the workspace with the target folder and profile of the running program. Only once, because cargo needs a
/// second to find that nothing has changed.
///
/// # Errors
/// With cargo's error if the build fails.
pub fn program(name: &str) -> Result<PathBuf> {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(program) = built.get(name) {
        return Ok(program.clone());
    }
    let program = build(name)?;
    built.insert(name.to_owned(), program.clone());
    Ok(program)
}

fn build(name: &str) -> Result<PathBuf> {
    let running = std::env::current_exe()?;
    let profile = running.ancestors().find(|folder| folder.join(".fingerprint").is_dir());
    let profile = profile.with_context(|| format!("{} is in no target folder of cargo", running.display()))?;
    let target = profile
        .parent()
        .context("a profile's folder lies in the target folder")?;
    let mut cargo = Command::new(env!("CARGO"));
    // With the features of the whole workspace. Alone, the program would need its dependencies built again with other features.
    cargo
        .args(["build", "--quiet", "--workspace", "--bin", name, "--target-dir"])
        .arg(target)
        .current_dir(root());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let output = cargo.output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("{name} does not build:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(profile.join(name))
}
