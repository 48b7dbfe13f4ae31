//! Files that are made from the chart: its README, and the manifest for people without Helm.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use crds::kubernetes::{MUTATING_POLICIES, OLDEST};
use tokio::process::Command;

use super::{folder, template};
use crate::process::printed;
use crate::{assets, workspace};

const HEADER: &str = "\
# The signer operator for people without Helm: all that the chart renders where no value is set, in a namespace of its own.
#   kubectl apply --server-side -f install.yaml
# Do not `kubectl delete -f` it: that takes the CustomResourceDefinition away, and with it every SignerBinding. How to uninstall:
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

/// What says that Helm keeps an object; here nobody does.
const OF_HELM: [&str; 3] = ["helm.sh/chart: ", "app.kubernetes.io/managed-by: ", "# Source: "];

/// Where [`install_manifest`] is kept.
pub fn install_manifest_path() -> PathBuf {
    workspace::root().join("charts/install.yaml")
}

/// The chart's defaults as one manifest.
///
/// # Errors
/// With what Helm says.
pub async fn install_manifest() -> Result<String> {
    // Without a version, Helm would take the newest that it knows itself.
    let holds = format!("--kube-version=1.{MUTATING_POLICIES}.0");
    let rendered = template(&["--skip-tests", &holds, "--set=crds.keep=false"]).await?;
    let mut manifest = format!(
        "{HEADER}# For Kubernetes 1.{MUTATING_POLICIES} and later. From 1.{OLDEST} on kubectl does not know the kind MutatingAdmissionPolicy of its last\n# objects, says so, and applies all others: new voters are then not held.\n{START}"
    );
    for line in rendered.lines() {
        if !OF_HELM.iter().any(|of_helm| line.trim_start().starts_with(of_helm)) {
            manifest.push_str(line);
            manifest.push('\n');
        }
    }
    Ok(manifest)
}

/// The README of the chart, from its values.
///
/// # Errors
/// With what helm-docs says.
pub async fn readme() -> Result<String> {
    let helm_docs = tokio::task::spawn_blocking(assets::helm_docs).await??;
    let mut command = Command::new(helm_docs);
    command.args(["--dry-run", "--sort-values-order=file", "--log-level=error"]);
    command.arg("--chart-search-root").arg(folder());
    Ok(format!("{}\n", printed(&mut command, "helm-docs").await?.trim_end()))
}

/// Writes both and returns where they are.
///
/// # Errors
/// When one of the programs fails, or a file cannot be written.
pub async fn write() -> Result<[PathBuf; 2]> {
    let (manifest, readme_path) = (install_manifest_path(), folder().join("README.md"));
    fs::write(&manifest, install_manifest().await?).with_context(|| format!("cannot write {}", manifest.display()))?;
    fs::write(&readme_path, readme().await?).with_context(|| format!("cannot write {}", readme_path.display()))?;
    Ok([manifest, readme_path])
}
