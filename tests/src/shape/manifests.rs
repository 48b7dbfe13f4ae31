//! The dependencies between this workspace's crates in their `Cargo.toml`, as cargo reads them.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::finding::{Finding, arrow};
use super::rules::Rules;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// None for normal dependencies, otherwise `dev` or `build`.
    kind: Option<String>,
    /// Set for a crate of this repository.
    path: Option<String>,
}

/// Dependencies between workspace crates that the table does not allow. Dependencies of tests are excluded.
///
/// # Errors
/// Cargo cannot read the manifests.
pub fn check(root: &Path, asked: &[&str], rules: &Rules) -> Result<Vec<Finding>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let mut findings = Vec::new();
    for package in metadata
        .packages
        .iter()
        .filter(|package| asked.contains(&package.name.as_str()))
    {
        let allowed = rules
            .crates
            .iter()
            .find(|(name, _)| *name == package.name)
            .map_or(&[][..], |(_, to)| to);
        let ours = package.dependencies.iter();
        let ours = ours.filter(|dependency| dependency.path.is_some() && dependency.kind.as_deref() != Some("dev"));
        for dependency in ours.filter(|dependency| !allowed.contains(&dependency.name.as_str())) {
            findings.push(Finding::Table(format!(
                "{}/Cargo.toml: has the dependency {}: {}; remove it",
                package.name,
                dependency.name,
                arrow(&package.name, &dependency.name, rules)
            )));
        }
    }
    Ok(findings)
}
