//! Every reason that a condition or a warning can carry has a section in the runbook, and every flag, command and metric a row.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crds::conditions::{reasons, types, warnings};
use tests::workspace;

fn runbook() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operator.md")).unwrap()
}

/// What stands in backquotes and begins like this.
fn quoted(runbook: &str, prefix: &str) -> BTreeSet<String> {
    let words = runbook.split('`').skip(1).step_by(2);
    words
        .filter(|word| word.starts_with(prefix))
        .map(str::to_owned)
        .collect()
}

fn help(arguments: &[&str]) -> String {
    let program = workspace::program("operator").unwrap();
    let output = Command::new(program).args(arguments).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_flag_command_and_metric_has_a_row() {
    let runbook = runbook();
    let rows: String = runbook.lines().filter(|line| line.starts_with("| `")).collect();
    for line in help(&["run"]).lines() {
        let flag = line.split_whitespace().find(|word| word.starts_with("--"));
        if let Some(flag) = flag.filter(|flag| line.trim_start().starts_with('-') && *flag != "--help") {
            assert!(rows.contains(&format!("`{flag}`")), "{flag} has no row");
        }
    }
    let commands = help(&[]);
    let commands = commands
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    for command in commands
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
    {
        assert!(rows.contains(&format!("`operator {command}`")), "{command} has no row");
    }
    let source = [
        include_str!("../../operator/src/telemetry.rs"),
        include_str!("../../operator/src/census.rs"),
    ]
    .concat();
    let named = source
        .split('"')
        .filter(|text| text.starts_with("signer_operator_"))
        .map(str::to_owned);
    assert_eq!(named.collect::<BTreeSet<_>>(), quoted(&runbook, "signer_operator_"));
}

#[test]
fn every_reason_has_a_section_and_every_section_is_a_reason() {
    let runbook = runbook();
    let headings = |prefix: &str| -> Vec<_> { runbook.lines().filter_map(|line| line.strip_prefix(prefix)).collect() };

    let mut sections = headings("### ");
    let mut wanted = [reasons::ALL, warnings::ALL].concat();
    sections.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(sections, wanted);

    let chapters = headings("## ");
    for condition in types::ALL {
        assert!(chapters.contains(&condition), "no chapter for {condition}");
    }
}
