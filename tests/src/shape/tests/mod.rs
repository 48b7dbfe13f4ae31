//! Small trees, each with one way to use a module.

mod paths;
mod rules;

use super::rules::{Apart, Door, Part, Rings, Rules};
use super::{Finding, Sources, check_sources};

const NOTHING: Rules = Rules {
    crates: &[("house", &[]), ("other", &["house"])],
    apart: &[],
    doors: &[],
    rings: &[],
};

fn found<const N: usize>(files: [(&str, &str); N], rules: &Rules) -> Vec<Finding> {
    let sources = Sources::from(files);
    check_sources(&sources, &["house", "other"], rules).expect("the files parse")
}

fn words<const N: usize>(files: [(&str, &str); N], rules: &Rules) -> String {
    let findings = found(files, rules).iter().map(Finding::to_string).collect::<Vec<_>>();
    findings.join("\n")
}
