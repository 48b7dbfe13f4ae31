//! The list of words, and comparison with it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::finding::Finding;
use super::piece::Piece;
use super::{LIST, sentence};

/// `docs/words.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct List {
    /// Maximum number of words in a sentence.
    longest_sentence: usize,
    words: Vec<Word>,
    #[serde(default)]
    allowed: Vec<Allowed>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    /// Its forms, in lower case. A blank matches any white space.
    avoid: Vec<String>,
    instead: String,
    /// Phrases in which the word is allowed.
    #[serde(default)]
    except: Vec<String>,
}

/// A word that one file, or all files of a folder, may use.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowed {
    path: String,
    word: String,
    because: String,
}

impl List {
    /// Reads the list of the repository at `root`.
    ///
    /// # Errors
    /// The list does not exist, or is not valid.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join(LIST);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| LIST.to_owned())
    }

    /// Reads a list.
    ///
    /// # Errors
    /// A field is missing or unknown, a word is not in lower case, or an exception has no reason.
    pub fn parse(text: &str) -> Result<Self> {
        let list: Self = serde_yaml::from_str(text)?;
        for word in &list.words {
            let avoid = &word.avoid;
            ensure!(
                !avoid.is_empty(),
                "words: found an entry without a word in avoid, expected at least one"
            );
            for form in avoid.iter().chain(&word.except) {
                ensure!(
                    !form.trim().is_empty() && *form == form.to_lowercase(),
                    "words: found {form:?}, expected a word or phrase in lower case"
                );
            }
            ensure!(
                !word.instead.trim().is_empty(),
                "words: found no better word for {avoid:?}; name one in instead"
            );
        }
        for allowed in &list.allowed {
            ensure!(
                !allowed.because.trim().is_empty(),
                "allowed: found no reason for {:?} in {}; give one in because",
                allowed.word,
                allowed.path
            );
        }
        Ok(list)
    }

    /// Disallowed words in these texts, in the order of the files.
    pub fn compare(&self, pieces: &[Piece]) -> Vec<Finding> {
        let mut findings = vec![];
        let mut used = vec![false; self.allowed.len()];
        for piece in pieces {
            let prose = piece.prose();
            for word in &self.words {
                for (offset, form) in word.places(&prose) {
                    match self
                        .allowed
                        .iter()
                        .position(|allowed| allowed.covers(&piece.path, form))
                    {
                        Some(index) => used[index] = true,
                        None => findings.push(Finding {
                            path: piece.path.clone(),
                            line: piece.line_at(offset),
                            message: format!("found \"{form}\", expected other words: {}", word.instead),
                        }),
                    }
                }
            }
            findings.extend(self.too_long(piece));
        }
        findings.sort();
        findings.dedup();
        let unused = self.allowed.iter().zip(used).filter(|(_, used)| !used);
        findings.extend(unused.map(|(allowed, _)| Finding {
            path: LIST.to_owned(),
            line: 1,
            message: format!(
                "found an exception for \"{}\" in {}, which does not use it; remove the exception",
                allowed.word, allowed.path
            ),
        }));
        findings
    }

    fn too_long<'a>(&'a self, piece: &'a Piece) -> impl Iterator<Item = Finding> + use<'a> {
        let sentences = sentence::split(&piece.text).into_iter();
        let counted = sentences.map(|range| (range.start, sentence::words(&piece.text[range])));
        let long = counted.filter(|(_, words)| *words > self.longest_sentence);
        long.map(|(offset, words)| Finding {
            path: piece.path.clone(),
            line: piece.line_at(offset),
            message: format!(
                "found a sentence of {words} words, expected at most {}. Split it",
                self.longest_sentence
            ),
        })
    }
}

impl Word {
    /// Where a text contains it, and in which form.
    fn places<'a>(&'a self, prose: &str) -> Vec<(usize, &'a str)> {
        // Each white space becomes one byte, so that offsets do not change.
        let prose: String = prose
            .chars()
            .map(|character| {
                if character.is_ascii_whitespace() {
                    ' '
                } else {
                    character.to_ascii_lowercase()
                }
            })
            .collect();
        let covered: Vec<_> = self
            .except
            .iter()
            .flat_map(|phrase| occurrences(&prose, phrase))
            .collect();
        let places = self.avoid.iter().flat_map(|form| {
            occurrences(&prose, form)
                .into_iter()
                .filter(|(start, end)| !covered.iter().any(|(from, to)| from <= start && end <= to))
                .map(|(start, _)| (start, form.as_str()))
        });
        places.collect()
    }
}

impl Allowed {
    fn covers(&self, path: &str, form: &str) -> bool {
        self.word == form
            && match self.path.strip_suffix('/') {
                Some(_) => path.starts_with(&self.path),
                None => path == self.path,
            }
    }
}

/// Occurrences of the phrase as whole words. Several blanks, as at a line break, count as one.
fn occurrences(prose: &str, phrase: &str) -> Vec<(usize, usize)> {
    let mut words = phrase.split(' ');
    let first = words.next().unwrap_or_default();
    let rest: Vec<_> = words.collect();
    let ends = |start: usize| {
        let mut end = start + first.len();
        for word in &rest {
            let after = prose.get(end..)?;
            let blanks = after.len() - after.trim_start_matches(' ').len();
            if blanks == 0 || !after[blanks..].starts_with(word) {
                return None;
            }
            end += blanks + word.len();
        }
        Some((start, end))
    };
    let is_whole = |(start, end): &(usize, usize)| {
        let before = prose[..*start].chars().next_back();
        let after = prose[*end..].chars().next();
        !before.is_some_and(is_of_a_word) && !after.is_some_and(is_of_a_word)
    };
    prose
        .match_indices(first)
        .filter_map(|(start, _)| ends(start))
        .filter(is_whole)
        .collect()
}

/// `by-hand` and `stand_in` count as single words.
fn is_of_a_word(character: char) -> bool {
    character.is_alphanumeric() || character == '-' || character == '_'
}
