//! Every reason that a condition can carry has a section in the runbook, under a condition that can carry it.

use std::fs;

use crds::conditions::{reasons, types};

#[test]
fn every_reason_has_a_section_and_every_section_is_a_reason() {
    let runbook = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md")).unwrap();
    let headings = |prefix: &str| -> Vec<_> { runbook.lines().filter_map(|line| line.strip_prefix(prefix)).collect() };

    let mut sections = headings("### ");
    let mut wanted = reasons::ALL.to_vec();
    sections.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(sections, wanted);

    let chapters = headings("## ");
    for condition in types::ALL {
        assert!(chapters.contains(&condition), "no chapter for {condition}");
    }
}
