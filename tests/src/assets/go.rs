//! Calls Go: checks that it exists and is new enough, and builds.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{Directory, Process};

/// # Errors
/// One line that names what to install, or which variable to set, if Go is missing or older than `go_mod` requires.
pub fn require(go_mod: &str, to_build: &str) -> Result<()> {
    let wanted = go_mod
        .lines()
        .find_map(|line| line.strip_prefix("go "))
        .and_then(release)
        .context("go.mod has no go line")?;
    let found = installed();
    if found.as_deref().and_then(release).is_some_and(|found| found >= wanted) {
        return Ok(());
    }
    let found = found.map_or_else(|| "no go in PATH".to_owned(), |version| format!("found go {version}"));
    let (major, minor) = wanted;
    let instead = match to_build {
        "helm" => "HELM to the program of Helm 4",
        "promtool" => "PROMTOOL to Prometheus's program",
        "helm-unittest" => "HELM_UNITTEST to its program",
        "kubeconform" => "KUBECONFORM to its program",
        "helm-docs" => "HELM_DOCS to its program",
        "actionlint" => "ACTIONLINT to its program",
        "kube-router" => "KUBE_ROUTER to its program",
        "crane" => "CRANE to its program",
        "cosign" => "COSIGN to its program",
        _ => "KUBEBUILDER_ASSETS to a folder that holds etcd, kube-apiserver and kubectl",
    };
    bail!(
        "Go {major}.{minor} or newer is needed to build {to_build}, once ({found}): install it from https://go.dev/dl/, or set {instead}"
    )
}

/// The installed version, such as `1.26.8`.
fn installed() -> Option<String> {
    let output = Command::new("go")
        .arg("version")
        .env("GOTOOLCHAIN", "local")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(2)?.strip_prefix("go").map(str::to_owned)
}

/// Major and minor number.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim().split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A long build must not continue if its result is no longer needed, so it ends with its owner.
pub fn build(module: &Path, tags: &str, flags: &str, package: &str, output: &Path) -> Result<()> {
    let directory = Directory::new()?;
    let log = directory.path().join("go.log");
    let mut go = Process::start(&program()?, &log, directory.lifeline(), |command| {
        command
            .args(["build", "-trimpath", "-tags", tags, &format!("-ldflags={flags}"), "-o"])
            .arg(output)
            .arg(package);
        command
            .current_dir(module)
            .env("CGO_ENABLED", "0")
            .env("GOTOOLCHAIN", "local")
            .env("GOWORK", "off");
    })?;
    let status = go.wait()?;
    if !status.success() {
        bail!(
            "go build {package} in {} ended with {status}:\n{}",
            module.display(),
            go.last_lines()
        );
    }
    Ok(())
}

fn program() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|folder| folder.join("go"))
        .find(|file| file.is_file());
    found.context("no go in PATH")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_compare_as_numbers() {
        assert_eq!(release("1.26.8"), Some((1, 26)));
        assert_eq!(release("1.27rc1"), Some((1, 27)));
        assert!(release("1.9.1") < release("1.26.0"));
        assert_eq!(release("devel"), None);
    }
}
