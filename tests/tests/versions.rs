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

#[test]
fn the_chart_has_the_version_of_the_programs() -> Result<()> {
    for field in ["version: ", "appVersion: "] {
        assert_eq!(
            behind("charts/signer-operator/Chart.yaml", field)?,
            env!("CARGO_PKG_VERSION"),
            "{field}"
        );
    }
    Ok(())
}

#[test]
fn pages_name_images_of_this_version() -> Result<()> {
    let image = "ghcr.io/attocash/signer-operator/signer:";
    let page = read("docs/src/how-to/change-the-key.md")?;
    let (_, named) = page.split_once(image).context("the page names no image")?;
    assert_eq!(named.split_whitespace().next(), Some(env!("CARGO_PKG_VERSION")));
    Ok(())
}
