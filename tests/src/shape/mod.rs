//! Checks which module uses which against the table in [`rules`]: `make lint` runs it.
//!
//! A module is a file. Every form of a path counts: through `use` with groups, globs and renames, through `self`, `super` and
//! another module's `pub use`, in code, types, patterns, attributes and macros. Code that is only built for tests does not count.
//! The check cannot see what needs the compiler's types: a method or a field of a value whose type is not named; an
//! implementation of a trait that is reached through the trait; a `macro_rules!` that a module gets from its parent by its place
//! in the file; and what a macro makes of a name, other than the name itself.

mod circles;
mod file;
mod finding;
mod graph;
mod laws;
mod manifests;
mod only_tests;
mod resolve;
pub mod rules;
mod sources;
#[cfg(test)]
mod tests;
mod tokens;
mod tree;

use std::path::Path;

use anyhow::Result;

pub use self::finding::{Finding, Step};
use self::graph::Graph;
use self::laws::Judge;
use self::rules::Rules;
pub use self::sources::Sources;
use self::tree::Tree;

/// All problems in the `asked` crates of the repository at `root`.
///
/// # Errors
/// A file cannot be read or does not parse.
pub fn check(root: &Path, asked: &[&str], rules: &Rules) -> Result<Vec<Finding>> {
    let crates: Vec<_> = rules.crates.iter().map(|(name, _)| *name).collect();
    let sources = Sources::read(root, &crates)?;
    let mut findings = check_sources(&sources, asked, rules)?;
    findings.extend(manifests::check(root, asked, rules)?);
    Ok(findings)
}

/// All problems in the `asked` crates of the given files, without the manifests.
///
/// # Errors
/// A file does not parse, or a module's file is missing.
pub fn check_sources(sources: &Sources, asked: &[&str], rules: &Rules) -> Result<Vec<Finding>> {
    let crates: Vec<_> = rules.crates.iter().map(|(name, _)| *name).collect();
    let tree = Tree::read(sources, &crates)?;
    let graph = Graph::of(&tree);
    let judge = Judge {
        tree: &tree,
        graph: &graph,
        asked,
    };
    Ok(judge.judge(rules))
}
