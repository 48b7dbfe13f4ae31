//! The version of the workspace in files that cannot ask for it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::workspace;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// In which file, and behind what.
const PLACES: [(&str, &str); 6] = [
    ("Dockerfile", "\nARG VERSION="),
    ("charts/signer-operator/Chart.yaml", "\nappVersion: \""),
    ("charts/signer-operator/Chart.yaml", "\nversion: "),
    (
        "docs/src/how-to/change-the-key.md",
        "ghcr.io/attocash/signer-operator/signer:",
    ),
    ("examples/gitops/argo-cd/operator.yaml", "targetRevision: v"),
    ("examples/gitops/flux/operator.yaml", "tag: v"),
];

/// Writes it wherever it stands, and returns where that is.
///
/// # Errors
/// Names the file where it stands no more.
pub fn write() -> Result<Vec<PathBuf>> {
    let places = PLACES.into_iter().map(|(file, start)| {
        let path = workspace::root().join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {file}"))?;
        let stamped = stamp(&text, start).with_context(|| format!("{file} has no {:?} any more", start.trim()))?;
        fs::write(&path, stamped).with_context(|| format!("cannot write {file}"))?;
        Ok(path)
    });
    places.collect()
}

/// The text with this version behind `start`, wherever that is; none where it is not.
fn stamp(text: &str, start: &str) -> Option<String> {
    let (before, rest) = text.split_once(start)?;
    let mut stamped = before.to_owned();
    for after in rest.split(start) {
        let end = after.find(|sign: char| !(sign.is_ascii_alphanumeric() || ".+-".contains(sign)));
        stamped.push_str(start);
        stamped.push_str(VERSION);
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
        assert_eq!(stamp(&text("9.9.9-rc.1"), "image:"), Some(text(VERSION)));
        assert_eq!(stamp("a", "image:"), None);
    }
}
