//! Splits a text into sentences.

use std::ops::Range;

/// The ranges of the sentences. A full stop, an exclamation mark or a question mark ends one if a blank and no lower-case letter
/// follow. An empty line ends one too.
pub fn split(text: &str) -> Vec<Range<usize>> {
    let mut sentences = vec![];
    let mut start = 0;
    for (offset, character) in text.char_indices() {
        if character == '\n' && text[offset + 1..].starts_with('\n') {
            sentences.push(start..offset);
            start = offset;
        }
        if !matches!(character, '.' | '!' | '?') {
            continue;
        }
        let end = offset + character.len_utf8();
        let rest = text[end..].trim_start_matches([')', '"', '”', '*', '_']);
        let next = rest.trim_start().chars().next();
        let is_blank = rest.starts_with(char::is_whitespace);
        if is_blank && !next.is_some_and(char::is_lowercase) {
            sentences.push(start..end);
            start = end;
        }
    }
    sentences.push(start..text.len());
    let trimmed = sentences.into_iter().map(|range| {
        let sentence = &text[range.clone()];
        let begin = range.start + (sentence.len() - sentence.trim_start().len());
        begin..begin + sentence.trim().len()
    });
    trimmed.filter(|range| !range.is_empty()).collect()
}

/// The number of words: parts between blanks with at least one letter.
pub fn words(sentence: &str) -> usize {
    sentence
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphabetic))
        .count()
}
