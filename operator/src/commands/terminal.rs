//! Properties of the terminal: colours and width.

use std::env;
use std::io::{IsTerminal, stdout};

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// The default width.
const WIDTH: usize = 100;

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Columns.
    pub width: usize,
    is_read_by_a_person: bool,
    has_colours: bool,
}

impl Terminal {
    /// Colours only on a terminal, and not if `NO_COLOR` is set (<https://no-color.org>).
    pub fn of_output() -> Self {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let columns = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let measured = terminal_size::terminal_size().map(|(terminal_size::Width(width), _)| usize::from(width));
        let is_terminal = stdout().is_terminal();
        Self {
            width: columns.or(measured).unwrap_or(WIDTH).max(40),
            is_read_by_a_person: is_terminal,
            has_colours: is_terminal && !is_set("NO_COLOR") && !is_dumb,
        }
    }

    /// No colours.
    #[cfg(test)]
    pub fn plain(width: usize) -> Self {
        Self {
            width,
            is_read_by_a_person: true,
            has_colours: false,
        }
    }

    /// Colours the status of a condition: green, red, or yellow if it is unknown.
    pub fn status(self, text: &str, padded: &str) -> String {
        let colour = match text {
            "True" => "32",
            "False" => "31",
            _ => "33",
        };
        if self.has_colours {
            format!("\u{1b}[{colour}m{padded}\u{1b}[0m")
        } else {
            padded.to_owned()
        }
    }

    /// Wraps the text between words into lines that fit, each with this indent. A word never breaks, because it may be part of a
    /// command.
    pub fn wrapped(self, text: &str, indent: usize) -> String {
        let room = self.width.saturating_sub(indent).max(20);
        let options = Options::new(room)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation)
            .wrap_algorithm(WrapAlgorithm::FirstFit)
            .break_words(false);
        textwrap::wrap(text, options).join(&format!("\n{}", " ".repeat(indent)))
    }

    /// Wraps the sentences of a report on a terminal; `indent` is where the words of a line with a label begin. Without a label, a
    /// line that begins with a lower-case letter is a command, which can only be copied whole.
    pub fn fitted(self, report: &str, indent: usize, has_label: impl Fn(&str) -> bool) -> String {
        if !self.is_read_by_a_person {
            return report.to_owned();
        }
        let fit = |line: &str| {
            let is_labelled = has_label(line);
            let is_command = !is_labelled && line.starts_with(char::is_lowercase);
            if is_command || line.chars().count() <= self.width {
                return format!("{line}\n");
            }
            let indent = if is_labelled { indent } else { 0 };
            let (label, words) = line.split_at_checked(indent).unwrap_or(("", line));
            format!("{label}{}\n", self.wrapped(words, label.len()))
        };
        report.lines().map(fit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_wrapped_between_words_and_a_long_word_stays_whole() {
        let terminal = Terminal::plain(40);
        let text = terminal.wrapped(
            "The Deployment waits for its first signer, and this_word_is_longer_than_a_line_may_be.",
            10,
        );
        assert_eq!(
            text,
            "The Deployment waits for its\n          first signer, and\n          this_word_is_longer_than_a_line_may_be."
        );
    }

    #[test]
    fn sentences_of_a_report_are_wrapped_below_their_label_and_commands_stay_whole() {
        let report = "SignerBinding voter:\n  reported   Nothing confirms the grant at present. Run:\nkubectl annotate serviceaccount voter --namespace atto\n";
        let fitted = "SignerBinding voter:\n  reported   Nothing confirms the grant\n             at present. Run:\nkubectl annotate serviceaccount voter --namespace atto\n";
        assert_eq!(
            Terminal::plain(40).fitted(report, 13, |line| line.starts_with("  ")),
            fitted
        );
    }
}
