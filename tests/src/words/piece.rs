//! A text that is checked as a whole: a paragraph, a comment, a message.

/// The kind of text. The sample has the same number of sentences of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// README, CONTRIBUTING, SECURITY, CHANGELOG.
    Project,
    /// Tutorial and how-to pages.
    HowTo,
    /// Concepts and explanation.
    Explanation,
    /// Pages for operations, with the runbook.
    Operations,
    /// Hand-written pages of the reference.
    Reference,
    /// Comments of the types of the API: `kubectl explain` prints them.
    Api,
    /// Conditions, Events, errors, help and logs of the operator and the plugin.
    OperatorMessage,
    /// Errors, help and logs of the signer.
    SignerMessage,
    /// Values, notes, alerts and dashboards of the chart, and the comments of examples.
    Chart,
    /// Other comments in code, and the Makefile.
    Comment,
}

impl Kind {
    pub const ALL: [Self; 10] = [
        Self::Project,
        Self::HowTo,
        Self::Explanation,
        Self::Operations,
        Self::Reference,
        Self::Api,
        Self::OperatorMessage,
        Self::SignerMessage,
        Self::Chart,
        Self::Comment,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::HowTo => "how-to",
            Self::Explanation => "explanation",
            Self::Operations => "operations",
            Self::Reference => "reference",
            Self::Api => "api",
            Self::OperatorMessage => "operator",
            Self::SignerMessage => "signer",
            Self::Chart => "chart",
            Self::Comment => "comment",
        }
    }
}

/// A text, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Below the root of the repository, `/` between folders.
    pub path: String,
    /// Its first line, from 1.
    pub line: usize,
    pub kind: Kind,
    /// With the line breaks of the file.
    pub text: String,
}

impl Piece {
    /// The line of the file at this offset of the text.
    pub fn line_at(&self, offset: usize) -> usize {
        self.line + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }

    /// The text with code replaced by blanks of equal length.
    pub fn prose(&self) -> String {
        let mut within = false;
        let mut prose = String::with_capacity(self.text.len());
        let has_pairs = self.text.matches('`').count().is_multiple_of(2);
        for character in self.text.chars() {
            let is_mark = character == '`' && has_pairs;
            within ^= is_mark;
            if (within || is_mark) && character != '\n' {
                prose.extend(std::iter::repeat_n(' ', character.len_utf8()));
            } else {
                prose.push(character);
            }
        }
        prose
    }
}
