//! A version is the same in all places that name it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use crds::kubernetes::{MUTATING_POLICIES, NEWEST, OLDEST};
use tests::chart::generated::install_manifest_path;
use tests::workspace;

fn read(file: &str) -> Result<String> {
    fs::read_to_string(workspace::root().join(file)).with_context(|| format!("cannot read {file}"))
}

/// The text after `start` in the file, without quotes.
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
        behind("Dockerfile", "ARG ZIGBUILD=")?,
        behind("Makefile", "ZIGBUILD_VERSION := ")?
    );
    Ok(())
}

#[test]
fn the_oldest_kubernetes_of_the_end_to_end_suite_is_the_oldest_that_is_supported() -> Result<()> {
    let image = behind(".github/workflows/e2e.yaml", "            image: kindest/node:")?;
    ensure!(image.starts_with(&format!("v1.{OLDEST}.")), "{image}");
    Ok(())
}

#[test]
fn tests_that_the_oldest_kubernetes_leaves_out_are_named_by_the_version_that_they_need() -> Result<()> {
    let left_out = "tests/tests/operator_held/from_kubernetes_1_";
    let folder = workspace::root().join(format!("{left_out}{MUTATING_POLICIES}"));
    ensure!(folder.is_dir(), "no {}", folder.display());
    Ok(())
}

#[test]
fn there_is_a_manifest_for_the_newest_kubernetes_and_one_for_the_oldest_and_no_other() -> Result<()> {
    let wanted = [OLDEST, NEWEST].map(install_manifest_path);
    let entries = fs::read_dir(workspace::root().join("charts"))?;
    let mut found = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    found.retain(|path| path.is_file());
    found.sort();
    assert_eq!(found, wanted);
    Ok(())
}

#[test]
fn pages_and_chart_name_only_versions_of_kubernetes_that_mean_something() -> Result<()> {
    let mut named = Vec::new();
    for place in [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs",
        "charts",
        "examples",
    ] {
        versions_of_kubernetes(&workspace::root().join(place), &mut named)?;
    }
    ensure!(!named.is_empty(), "no file names a version of Kubernetes");
    let known = [OLDEST, NEWEST, MUTATING_POLICIES].map(|minor| minor.to_string());
    named.retain(|(_, minor)| !known.contains(minor));
    ensure!(
        named.is_empty(),
        "expected Kubernetes 1.{{{}}} (crds/src/kubernetes.rs), found others in {named:#?}",
        known.join(",")
    );
    Ok(())
}

/// Adds the file and the minor version of each `Kubernetes 1.30` in the file, or in those of the folder.
fn versions_of_kubernetes(path: &Path, named: &mut Vec<(String, String)>) -> Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            versions_of_kubernetes(&entry?.path(), named)?;
        }
        return Ok(());
    }
    let is_text = path.extension().is_some_and(|extension| {
        ["md", "yaml", "tpl", "txt", "gotmpl", "json"]
            .iter()
            .any(|text| extension == *text)
    });
    if !is_text {
        return Ok(());
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    for after in text.split("Kubernetes 1.").skip(1) {
        let minor = after.chars().take_while(char::is_ascii_digit).collect();
        named.push((path.display().to_string(), minor));
    }
    Ok(())
}
