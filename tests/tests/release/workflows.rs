//! `make lint` reports workflows that would give an attacker additional rights.

use std::fs;

use anyhow::Result;
use tests::process::Directory;
use tests::{workflows, workspace};

const GOOD: &str = r#"name: Good
on: push
permissions: {}
concurrency:
  group: good
  cancel-in-progress: false
jobs:
  one:
    name: one
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
        with:
          persist-credentials: false
      - run: echo "$TITLE"
        env:
          TITLE: ${{ github.event.head_commit.message }}
"#;

const GOOD_UPDATES: &str = r#"version: 2
updates:
  - package-ecosystem: cargo
    directory: /
    schedule: {interval: weekly}
    cooldown: {default-days: 7}
    groups:
      crates: {patterns: ["*"]}
"#;

/// The complaints about the good files with these replacements.
async fn complaints(changes: &[(&str, &str)]) -> Result<String> {
    let (mut workflow, mut updates) = (GOOD.to_owned(), GOOD_UPDATES.to_owned());
    for (from, to) in changes {
        assert!(workflow.contains(from) || updates.contains(from), "{from}");
        workflow = workflow.replace(from, to);
        updates = updates.replace(from, to);
    }
    let folder = Directory::new()?;
    fs::create_dir(folder.path().join("workflows"))?;
    fs::write(folder.path().join("workflows/planted.yaml"), workflow)?;
    fs::write(folder.path().join("dependabot.yml"), updates)?;
    // A checker may have to be built first.
    let complaints = tokio::task::spawn_blocking(move || workflows::complaints(folder.path())).await??;
    Ok(complaints.join("\n"))
}

#[tokio::test]
async fn nothing_is_said_of_a_workflow_without_a_fault_nor_of_ours() -> Result<()> {
    assert_eq!(complaints(&[]).await?, "");
    let ours = || workflows::complaints(&workspace::root().join(workflows::FOLDER));
    assert_eq!(tokio::task::spawn_blocking(ours).await??, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn each_fault_is_named() -> Result<()> {
    let checkout = "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2";
    let other = "name: one\n    env:\n      NOTE: |\n        uses: actions/checkout@0123456789012345678901234567890123456789 # v5.0.0";
    for (from, to, expected) in [
        (
            checkout,
            "actions/checkout@v6",
            "planted.yaml: uses: found \"actions/checkout@v6\"",
        ),
        ("name: one", other, "Use one version everywhere"),
        (
            "permissions: {}",
            "permissions: write-all",
            "planted.yaml: permissions: found \"write-all\", expected {}",
        ),
        (
            "    timeout-minutes: 5\n",
            "",
            "jobs.one.timeout-minutes: found null, expected a number",
        ),
        (
            "concurrency:\n  group: good\n  cancel-in-progress: false\n",
            "",
            "concurrency: found no group",
        ),
        (
            "\"$TITLE\"",
            "${{ github.event.head_commit.message }}",
            "template-injection",
        ),
        (
            "          persist-credentials: false\n",
            "          fetch-depth: 1\n",
            "artipacked",
        ),
        (
            "runs-on: ubuntu-24.04",
            "runs-on: ubuntu-24.5",
            "label \"ubuntu-24.5\" is unknown",
        ),
        ("    cooldown: {default-days: 7}\n", "", "dependabot-cooldown"),
    ] {
        let said = complaints(&[(from, to)]).await?;
        assert!(said.contains(expected), "{to}: {said}");
    }
    Ok(())
}
