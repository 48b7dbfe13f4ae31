//! What is wrong, in words for the person who has to put it right.

use std::fmt;

use super::rules::Rules;

/// One module names another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub file: String,
    pub line: usize,
    /// The path as it is written.
    pub text: String,
    /// The file that it means.
    pub names: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Each names the next, the last the first.
    Circle(Vec<Step>),
    Broken {
        step: Step,
        rule: String,
        remedy: String,
    },
    /// The table and the tree have drifted apart.
    Table(String),
}

impl Finding {
    pub fn crates(step: Step, from: &str, to: &str, rules: &Rules) -> Self {
        Self::Broken {
            step,
            rule: arrow(from, to, rules),
            remedy: "move it to the crate that may be named, or write it here".to_owned(),
        }
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
        "nothing of ours".to_owned()
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
                for step in steps {
                    writeln!(f, "    {step}")?;
                }
                write!(
                    f,
                    "    do: let one of them point no further: move what the two sides share into a module that names neither"
                )
            }
            Self::Broken { step, rule, remedy } => write!(f, "{step}\n    rule: {rule}\n    do: {remedy}"),
            Self::Table(text) => f.write_str(text),
        }
    }
}
