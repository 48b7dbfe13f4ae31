//! Every reason of a condition or a warning has a section in the runbook.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fs;

use crds::conditions::{reasons, types, warnings};

fn runbook() -> String {
    fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/src/operations/runbook.md"
    ))
    .unwrap()
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
