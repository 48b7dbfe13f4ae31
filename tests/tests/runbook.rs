//! Every reason that a condition or a warning can carry has a section in the runbook.

use std::fs;

use crds::conditions::{reasons, types, warnings};

#[test]
fn every_reason_has_a_section_and_every_section_is_a_reason() {
    let runbook = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md")).unwrap();
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
