//! Problems, in words for the person who must fix them.

use std::fmt;

use super::rules::Rules;

/// One module uses another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub file: String,
    pub line: usize,
    /// The path as written.
    pub text: String,
    /// The file that it refers to.
    pub names: String,
}

impl Step {
    pub fn is_at_the_place_of(&self, other: &Self) -> bool {
        (&self.file, self.line, &self.text) == (&other.file, other.line, &other.text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Each uses the next, and the last one the first.
    Circle(Vec<Step>),
    /// All violations of one rule.
    Broken {
        rule: String,
        steps: Vec<Step>,
        remedy: String,
    },
    /// The table and the tree no longer match.
    Table(String),
}

impl Finding {
    pub fn broken(step: Step, rule: String, remedy: &str) -> Self {
        Self::Broken {
            rule,
            steps: vec![step],
            remedy: remedy.to_owned(),
        }
    }

    pub fn crates(step: Step, from: &str, to: &str, rules: &Rules) -> Self {
        Self::broken(
            step,
            arrow(from, to, rules),
            "move it to the crate that may be named, or write it here",
        )
    }
}

/// Why `from` may not depend on `to`.
pub fn arrow(from: &str, to: &str, rules: &Rules) -> String {
    let allowed = rules
        .crates
        .iter()
        .find(|(name, _)| *name == from)
        .map_or(&[][..], |(_, to)| to);
    let allowed = if allowed.is_empty() {
        "no crate of this repository".to_owned()
    } else {
        allowed.join(", ")
    };
    format!("{from} depends on {allowed}, not on {to}")
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} names {} ({})", self.file, self.line, self.text, self.names)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Circle(steps) => {
                writeln!(f, "a circle of {} modules:", steps.len())?;
                list(f, steps)?;
                write!(
                    f,
                    "  do: break the circle at one module: move the code that both sides use into a module that names neither"
                )
            }
            Self::Broken { rule, steps, remedy } => {
                writeln!(f, "{rule}:")?;
                list(f, steps)?;
                write!(f, "  do: {remedy}")
            }
            Self::Table(text) => f.write_str(text),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, steps: &[Step]) -> fmt::Result {
    for step in steps {
        writeln!(f, "    {step}")?;
    }
    Ok(())
}
