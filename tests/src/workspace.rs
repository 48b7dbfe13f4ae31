//! The programs of this workspace, built for the process that runs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Builds a program of the workspace into the target folder, and with the profile, of the running program.
///
/// # Errors
/// With what cargo says when it does not build.
pub fn program(name: &str) -> Result<PathBuf> {
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
