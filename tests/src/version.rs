//! Writes the version of the workspace, and the supported versions of Kubernetes, into files that cannot read them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use crds::kubernetes::{MUTATING_POLICIES, NEWEST, OLDEST};

use crate::workspace;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The file, and the text before the version.
const OF_THE_WORKSPACE: [(&str, &str); 9] = [
    ("Dockerfile", "\nARG VERSION="),
    ("charts/signer-operator/Chart.yaml", "\nappVersion: \""),
    ("charts/signer-operator/Chart.yaml", "\nversion: "),
    (
        "charts/signer-operator/Chart.yaml",
        "ghcr.io/attocash/signer-operator/operator:",
    ),
    (
        "charts/signer-operator/Chart.yaml",
        "ghcr.io/attocash/signer-operator/signer:",
    ),
    ("docs/src/operations/verify.md", "\nVERSION="),
    (
        "docs/src/how-to/change-the-key.md",
        "ghcr.io/attocash/signer-operator/signer:",
    ),
    ("examples/gitops/argo-cd/operator.yaml", "targetRevision: v"),
    ("examples/gitops/flux/operator.yaml", "tag: v"),
];

/// The minor version of the oldest supported Kubernetes: the file, and the text before it.
const OF_THE_OLDEST: [(&str, &str); 13] = [
    ("README.md", "a cluster of Kubernetes 1."),
    ("docs/src/introduction.md", "\nKubernetes 1."),
    ("docs/src/tutorial.md", "| a cluster | Kubernetes 1."),
    ("docs/src/operations/install.md", "A cluster of Kubernetes 1."),
    ("docs/src/operations/upgrade.md", "The tests run on Kubernetes 1."),
    ("docs/src/operations/supported-versions.md", "| from 1."),
    ("docs/src/operations/supported-versions.md", "on 1."),
    ("docs/src/operations/supported-versions.md", "older than 1."),
    ("docs/src/operations/supported-versions.md", "KUBERNETES=1."),
    (".github/workflows/test.yaml", "kubernetes: \"1."),
    ("CONTRIBUTING.md", "KUBERNETES=1."),
    ("Makefile", "KUBERNETES=1."),
    ("Makefile", "OLDEST_KUBERNETES := 1."),
];

/// The minor version of the newest supported Kubernetes: the file, and the text before it.
const OF_THE_NEWEST: [(&str, &str); 3] = [
    ("docs/src/operations/upgrade.md", "and on Kubernetes 1."),
    ("docs/src/operations/supported-versions.md", "\n| 1."),
    ("docs/src/operations/supported-versions.md", "newer than 1."),
];

/// The manifest for clusters before [`MUTATING_POLICIES`]: the file, and the text before it.
const OF_ITS_MANIFEST: (&[&str], &str) = (
    &[
        "README.md",
        "docs/src/operations/install.md",
        "docs/src/operations/running.md",
        "charts/signer-operator/README.md.gotmpl",
        "examples/kustomize-operator/kustomization.yaml",
    ],
    "charts/install-1.",
);

/// Managed clusters report pre-releases such as `1.30.4-gke.100`.
const OF_THE_CHART: (&str, &str) = ("charts/signer-operator/Chart.yaml", "\nkubeVersion: \">=");

/// Before this version, a new Deployment cannot be held.
const OF_THE_HOLD: (&str, &str) = (
    "charts/signer-operator/templates/_guard-creation.tpl",
    "(semverCompare \"<",
);

/// Writes the versions into all files, and returns those files.
///
/// # Errors
/// Names the file if the text before a version is missing.
pub fn write() -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for (file, start) in OF_THE_WORKSPACE {
        written.push(write_behind(file, start, VERSION)?);
    }
    for (file, start) in OF_THE_OLDEST {
        written.push(write_behind(file, start, &OLDEST.to_string())?);
    }
    let (files, start) = OF_ITS_MANIFEST;
    for file in files {
        written.push(write_behind(file, start, &format!("{OLDEST}.yaml"))?);
    }
    let (file, start) = OF_THE_CHART;
    written.push(write_behind(file, start, &format!("1.{OLDEST}.0-0"))?);
    let (file, start) = OF_THE_HOLD;
    written.push(write_behind(file, start, &format!("1.{MUTATING_POLICIES}.0-0"))?);
    for (file, start) in OF_THE_NEWEST {
        written.push(write_behind(file, start, &NEWEST.to_string())?);
    }
    Ok(written)
}

fn write_behind(file: &str, start: &str, version: &str) -> Result<PathBuf> {
    let path = workspace::root().join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {file}"))?;
    let stamped = stamp(&text, start, version).with_context(|| format!("{file} has no {:?} any more", start.trim()))?;
    fs::write(&path, stamped).with_context(|| format!("cannot write {file}"))?;
    Ok(path)
}

/// The text with this version after every `start`. None if `start` does not occur.
fn stamp(text: &str, start: &str, version: &str) -> Option<String> {
    let (before, rest) = text.split_once(start)?;
    let mut stamped = before.to_owned();
    for after in rest.split(start) {
        let end = after.find(|sign: char| !(sign.is_ascii_alphanumeric() || ".+-".contains(sign)));
        stamped.push_str(start);
        stamped.push_str(version);
        stamped.push_str(&after[end.unwrap_or(after.len())..]);
    }
    Some(stamped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_old_version_becomes_this_one() {
        let text = |version: &str| format!("a\nimage:{version} --flag\nimage:{version}");
        assert_eq!(stamp(&text("9.9.9-rc.1"), "image:", VERSION), Some(text(VERSION)));
        assert_eq!(stamp("a", "image:", VERSION), None);
        assert_eq!(stamp("from 1.9 on", "from 1.", "30").as_deref(), Some("from 1.30 on"));
    }
}
