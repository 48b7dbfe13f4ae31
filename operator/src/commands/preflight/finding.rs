//! A line of the report.

use std::fmt;

use crate::commands::terminal::Terminal;
use crate::exit;
use crate::model::error::Error;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Ok,
    /// It works, but could be safer.
    Warning,
    /// The API server does not answer.
    Unavailable,
    /// A permission is missing.
    Denied,
    /// The cluster lacks something.
    Unfit,
}

impl Verdict {
    /// The exit code of the program, from sysexits.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Ok | Self::Warning => 0,
            Self::Unavailable => exit::UNAVAILABLE,
            Self::Denied => exit::PERMISSION,
            Self::Unfit => exit::CONFIGURATION,
        }
    }
}

/// One line of the report.
#[derive(Debug)]
pub struct Finding {
    pub verdict: Verdict,
    pub about: &'static str,
    pub text: String,
}

impl Finding {
    pub fn new(verdict: Verdict, about: &'static str, text: impl Into<String>) -> Self {
        Self {
            verdict,
            about,
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "WARNING",
            Verdict::Unavailable | Verdict::Denied | Verdict::Unfit => "FAILED",
        };
        write!(formatter, "{:<12} {verdict}: {}", self.about, self.text)
    }
}

/// Width of the names of findings, with the blank after it.
const LABEL: usize = 13;

/// One line for each finding, wrapped on a terminal.
pub fn fitted(findings: &[Finding]) -> String {
    Terminal::of_output().fitted(&lines(findings), LABEL, |_| true)
}

/// One line for each finding.
pub fn lines(findings: &[Finding]) -> String {
    let lines = findings
        .iter()
        .flat_map(|finding| [finding.to_string(), "\n".to_owned()]);
    lines.collect()
}

/// The worst finding determines the exit code.
pub fn worst(findings: &[Finding]) -> Verdict {
    let verdicts = findings.iter().map(|finding| finding.verdict);
    verdicts.max().unwrap_or(Verdict::Ok)
}

/// The finding if the API server does not answer.
pub fn unavailable(about: &'static str, error: &Error) -> Finding {
    let verdict = if error.is_forbidden() {
        Verdict::Denied
    } else {
        Verdict::Unavailable
    };
    Finding::new(verdict, about, error.to_string())
}
