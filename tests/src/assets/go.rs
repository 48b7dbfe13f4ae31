//! Go's command line: is it there, is it new enough, build.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// # Errors
/// One line that says what to install, or which variable to set, when Go is missing or older than `go_mod` asks.
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
    let instead = if to_build == "helm" {
        "HELM to the program of Helm 4"
    } else {
        "KUBEBUILDER_ASSETS to a folder that holds etcd, kube-apiserver and kubectl"
    };
    bail!(
        "Go {major}.{minor} or newer is needed to build {to_build}, once ({found}): install it from https://go.dev/dl/, or set {instead}"
    )
}

/// Such as `1.26.8`.
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

pub fn build(module: &Path, flags: &str, package: &str, output: &Path) -> Result<()> {
    let done = Command::new("go")
        .args(["build", "-trimpath", &format!("-ldflags={flags}"), "-o"])
        .arg(output)
        .arg(package)
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .output()
        .context("cannot run go")?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let last: Vec<_> = said.lines().rev().take(20).collect();
        let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
        bail!(
            "go build {package} in {} ended with {}:\n{last}",
            module.display(),
            done.status
        );
    }
    Ok(())
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
