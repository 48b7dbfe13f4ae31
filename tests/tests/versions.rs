//! A version that is named in two places is the same in both.

use std::fs;

use anyhow::{Context, Result};
use tests::workspace;

fn read(file: &str) -> Result<String> {
    fs::read_to_string(workspace::root().join(file)).with_context(|| format!("cannot read {file}"))
}

/// What stands behind this in the file, without quotes.
fn behind(file: &str, start: &str) -> Result<String> {
    let text = read(file)?;
    let found = text.lines().find_map(|line| line.strip_prefix(start));
    Ok(found
        .with_context(|| format!("{file} has no line {start}…"))?
        .trim_matches('"')
        .to_owned())
}

#[test]
fn the_dockerfile_builds_with_the_compilers_of_the_makefile() -> Result<()> {
    assert_eq!(
        behind("Dockerfile", "ARG RUST=")?,
        behind("rust-toolchain.toml", "channel = ")?
    );
    assert_eq!(
        behind("Dockerfile", "ARG ZIG=")?,
        behind("Makefile", "ZIG_VERSION := ")?
    );
    assert_eq!(
        behind("Dockerfile", "ARG ZIGBUILD=")?,
        behind("Makefile", "ZIGBUILD_VERSION := ")?
    );
    Ok(())
}
