//! Files that are generated from the chart: its README, and the manifests for people without Helm.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use crds::kubernetes::{MUTATING_POLICIES, OLDEST};
use tokio::process::Command;

use super::{folder, template};
use crate::process::printed;
use crate::{assets, workspace};

/// The header of both.
const HEADER: &str = "\
# Do not run `kubectl delete -f` with it: that deletes the CustomResourceDefinition, and with it every SignerBinding. How to uninstall:
# docs/src/operations/running.md#without-helm.
# Generated from charts/signer-operator by `make generate`: change it there.
";

const START: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: signer-operator
  labels:
    pod-security.kubernetes.io/enforce: restricted
";

/// Lines that make Helm keep an object. The manifests are for people without Helm.
const OF_HELM: [&str; 4] = [
    "helm.sh/chart: ",
    "helm.sh/resource-policy: ",
    "app.kubernetes.io/managed-by: ",
    "# Source: ",
];

/// Path of the manifest for clusters of this minor version of Kubernetes 1: there is one from [`MUTATING_POLICIES`] on, and one
/// for earlier versions.
pub fn install_manifest_path(minor: u32) -> PathBuf {
    workspace::root().join("charts").join(file_name(minor))
}

fn file_name(minor: u32) -> String {
    if minor < MUTATING_POLICIES {
        format!("install-1.{OLDEST}.yaml")
    } else {
        "install.yaml".to_owned()
    }
}

/// The chart's defaults as one manifest for clusters of this minor version.
///
/// # Errors
/// With Helm's error.
pub async fn install_manifest(minor: u32) -> Result<String> {
    // Without a version, Helm would use the newest that it knows.
    let version = format!("--kube-version=1.{minor}.0");
    let rendered = template(&["--skip-tests", &version]).await?;
    let mut manifest = format!("{}{HEADER}{START}", title(minor));
    for line in rendered.lines() {
        if !OF_HELM.iter().any(|of_helm| line.trim_start().starts_with(of_helm)) {
            manifest.push_str(line);
            manifest.push('\n');
        }
    }
    Ok(manifest)
}

/// Its name, and the clusters it is for.
fn title(minor: u32) -> String {
    let name = file_name(minor);
    let versions = if minor < MUTATING_POLICIES {
        let (last, other) = (MUTATING_POLICIES - 1, file_name(MUTATING_POLICIES));
        format!(
            "\
# For Kubernetes 1.{OLDEST} to 1.{last}. From 1.{MUTATING_POLICIES} on, use {other}. It lacks the MutatingAdmissionPolicies: a new voter is not
# held until its signer is injected, so create it paused (kubectl warns about one that is not paused). A manifest with a key that has
# nothing under it, such as `env:`, is refused if it would remove the signer.
"
        )
    } else {
        let other = file_name(OLDEST);
        format!("# For Kubernetes 1.{MUTATING_POLICIES} and later. For earlier versions, use {other}.\n")
    };
    format!(
        "\
# The signer operator for people without Helm: all objects of the chart with its default values, in a separate namespace.
#   kubectl apply --server-side -f {name}
{versions}"
    )
}

/// The README of the chart, from its values.
///
/// # Errors
/// With helm-docs' error.
pub async fn readme() -> Result<String> {
    let helm_docs = tokio::task::spawn_blocking(assets::helm_docs).await??;
    let mut command = Command::new(helm_docs);
    command.args(["--dry-run", "--sort-values-order=file", "--log-level=error"]);
    command.arg("--chart-search-root").arg(folder());
    Ok(format!("{}\n", printed(&mut command, "helm-docs").await?.trim_end()))
}

/// Writes them and returns their paths.
///
/// # Errors
/// If one of the programs fails, or a file cannot be written.
pub async fn write() -> Result<Vec<PathBuf>> {
    let mut files = vec![(folder().join("README.md"), readme().await?)];
    for minor in [OLDEST, MUTATING_POLICIES] {
        files.push((install_manifest_path(minor), install_manifest(minor).await?));
    }
    for (path, text) in &files {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}
