//! The chart of the previous release, which users upgrade from.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// From the last tag before this commit, or from the previous commit if no release is tagged yet.
const SCRIPT: &str = "\
before=$(git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD~1 2>/dev/null) || before=HEAD~1
git archive \"$before\" charts | tar --extract --directory \"$0\"";

/// Unpacks it into a folder, and returns its path.
///
/// # Errors
/// Names the history that a shallow clone lacks.
pub fn before(folder: &Path) -> Result<PathBuf> {
    let done = Command::new("sh")
        .args(["-c", SCRIPT])
        .arg(folder)
        .current_dir(workspace::root())
        .output();
    let done = done.context("cannot run git")?;
    let chart = folder.join("charts/signer-operator");
    ensure!(
        chart.is_dir(),
        "the chart of the release before is upgraded from, and git does not have it: {}; clone with all tags, or with a depth of 2 or more",
        String::from_utf8_lossy(&done.stderr).trim()
    );
    Ok(chart)
}
