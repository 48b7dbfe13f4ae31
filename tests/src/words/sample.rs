//! Random sentences, selected by a seed, for a person to judge.

use std::path::Path;

use anyhow::Result;

use super::piece::Kind;
use super::{files, sentence};
use crate::simulation::Random;

/// Shorter ones are names and headings.
const FEWEST_WORDS: usize = 5;

/// A sentence, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    pub kind: &'static str,
    pub path: String,
    pub line: usize,
    pub sentence: String,
}

/// `count` different sentences of the repository at `root`, the same number of each kind. The same seed and texts give the same
/// sentences.
///
/// # Errors
/// A file cannot be read.
pub fn sample(root: &Path, seed: u64, count: usize) -> Result<Vec<Drawn>> {
    let pieces = files::read(root)?;
    let mut random = Random::new(seed);
    let mut drawn = vec![];
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let of_kind = pieces.iter().filter(|piece| piece.kind == kind);
        let sentences = of_kind.flat_map(|piece| {
            let prose = sentence::split(&piece.text).into_iter();
            prose.map(|range| Drawn {
                kind: kind.name(),
                path: piece.path.clone(),
                line: piece.line_at(range.start),
                sentence: piece.text[range].split_whitespace().collect::<Vec<_>>().join(" "),
            })
        });
        let mut sentences: Vec<_> = sentences
            .filter(|drawn| sentence::words(&drawn.sentence) >= FEWEST_WORDS)
            .collect();
        let share = count / Kind::ALL.len() + usize::from(index < count % Kind::ALL.len());
        for _ in 0..share.min(sentences.len()) {
            let last = u64::try_from(sentences.len() - 1)?;
            drawn.push(sentences.swap_remove(usize::try_from(random.between(0..=last))?));
        }
    }
    Ok(drawn)
}
