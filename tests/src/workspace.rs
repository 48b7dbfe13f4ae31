//! The programs of this workspace, built for the process that runs them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Builds a program of the workspace into the target folder, and with the profile, of the running program; once, because cargo
/// takes a second to see that there is nothing to do.
///
/// # Errors
/// With what cargo says when it does not build.
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
    // Of the whole workspace: alone, the program would want its dependencies with other features, built once more.
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
