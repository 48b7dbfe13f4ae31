//! The measured parts, and their programs.

use anyhow::{Context, Result};

/// The program that measures a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `bench` with the name of the part.
    Bench,
    /// `soak`.
    Soak,
    /// The sizes of the programs themselves.
    Sizes,
}

/// Each part, its program, and the command that measures and only shows it.
pub const PARTS: [(&str, Program, &str); 9] = [
    ("signer", Program::Bench, "make bench BENCH=signer"),
    ("backends", Program::Bench, "make bench BENCH=backends"),
    ("operator", Program::Bench, "make bench BENCH=operator"),
    ("scale", Program::Bench, "make bench BENCH=scale"),
    (
        "growth",
        Program::Bench,
        "make bench BENCH=growth BENCH_STEADY_SECONDS=600",
    ),
    ("guard", Program::Bench, "make bench BENCH=guard"),
    ("pods", Program::Bench, "make bench BENCH=pods"),
    ("soak", Program::Soak, "make soak"),
    ("programs", Program::Sizes, "make figures FIGURES=programs"),
];

/// The part with this name.
///
/// # Errors
/// It does not exist.
pub fn of(name: &str) -> Result<(&'static str, Program, &'static str)> {
    let names: Vec<_> = PARTS.iter().map(|(name, ..)| *name).collect();
    let found = PARTS.iter().find(|(part, ..)| *part == name);
    found
        .copied()
        .with_context(|| format!("FIGURES: found {name:?}, expected one or more of {}", names.join(", ")))
}
