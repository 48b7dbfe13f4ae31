//! Refuses text with a different meaning in YAML 1.1, which kubectl reads, and YAML 1.2, which the events come from.

use std::ops::Range;

use granit_parser::{Event, ScalarStyle, Span};

use super::text::short;

/// Characters that are line breaks only in YAML 1.1.
const BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// Refuses characters that a document must not contain.
pub fn characters(text: &str) -> Result<(), String> {
    let is_good = |char: char| {
        !BREAKS.contains(&char)
            && matches!(char, '\t' | '\n' | '\r' | ' '..='~' | '\u{A0}'..='\u{FFFD}' | '\u{10000}'..)
    };
    let Some((at, found)) = text.char_indices().find(|(_, char)| !is_good(*char)) else {
        return Ok(());
    };
    let line = text[..at].matches('\n').count() + 1;
    Err(format!(
        "line {line}: found the control character {found:?}, expected it in quotes and escaped"
    ))
}

/// Refuses an event that YAML 1.1 does not have, or reads differently.
pub fn check(event: &Event<'_>, span: &Span, text: &str, is_in_flow: bool) -> Result<(), String> {
    match event {
        Event::Scalar(word, ScalarStyle::Plain, ..) if is_in_flow => plain_in_flow(word, span, text)?,
        Event::Scalar(_, ScalarStyle::DoubleQuoted, ..) => escapes(span.slice(text).unwrap_or_default())?,
        Event::Anchor(_, name) => name_of_anchor(name)?,
        Event::Alias(_) => name_of_anchor(span.slice(text).unwrap_or_default().trim_start_matches('*'))?,
        _ => {}
    }
    let after_tag = span
        .tag_span()
        .and_then(|tag| tag.byte_range())
        .and_then(|tag| text.get(tag.end..));
    match after_tag.and_then(|rest| rest.chars().next()) {
        Some(next) if !next.is_ascii_whitespace() => Err(format!("found {next:?} after a tag, expected a space")),
        _ => Ok(()),
    }
}

fn name_of_anchor(name: &str) -> Result<(), String> {
    if name
        .chars()
        .all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_'))
    {
        return Ok(());
    }
    Err(format!("found the anchor {name:?}, expected letters, digits, - and _"))
}

/// Between brackets, a question mark ends a word, and a colon belongs to the word unless a space follows.
fn plain_in_flow(word: &str, span: &Span, text: &str) -> Result<(), String> {
    // The value is empty.
    if span.is_empty() {
        return Ok(());
    }
    if word.starts_with(':') || word.contains('?') {
        return Err(format!("found {:?} within brackets; quote it", short(word)));
    }
    let after = span
        .byte_range()
        .and_then(|range| text.get(range.end..))
        .unwrap_or_default();
    let mut after = after.chars();
    if after.next() == Some(':') && after.next().is_some_and(|next| ",[]{}".contains(next)) {
        return Err(format!(
            "found {:?} with a colon right before a bracket or comma; quote it, or put a space there",
            short(word)
        ));
    }
    Ok(())
}

/// Accepts only JSON's escapes.
fn escapes(raw: &str) -> Result<(), String> {
    let mut rest = raw;
    while let Some((_, escape)) = rest.split_once('\\') {
        if escape.starts_with('/') {
            return Err("found the escape \\/, which kubectl does not know; leave the backslash out".to_owned());
        }
        let half = escape
            .strip_prefix('u')
            .map(|digits| digits.bytes().take(2).map(|digit| digit.to_ascii_lowercase()));
        if half
            .is_some_and(|mut digits| digits.next() == Some(b'd') && digits.next().is_some_and(|digit| digit >= b'8'))
        {
            return Err(
                "found half a character as an escape, which kubectl does not know; write the character itself, or \\U"
                    .to_owned(),
            );
        }
        rest = escape
            .get(escape.chars().next().map_or(0, char::len_utf8)..)
            .unwrap_or_default();
    }
    Ok(())
}

/// Refuses tabs in the indentation of a block, which is anywhere before the first word of a line outside of these ranges.
pub fn tabs(text: &str, within: &[Range<usize>]) -> Result<(), String> {
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        // After it, a tab counts as a space.
        let is_separator = line.starts_with("---");
        let before = line.trim_start_matches([' ', '\t', '-', '?', ':']);
        let before = &line[..line.len() - before.len()];
        for (at, _) in before.match_indices('\t') {
            let place = start + at;
            if !is_separator && !within.iter().any(|range| range.contains(&place)) {
                return Err(format!(
                    "line {}: found a tab before the first word, expected spaces",
                    number + 1
                ));
            }
        }
        start += line.len();
    }
    Ok(())
}

/// The same text with a space before the comment at this place.
pub fn with_space(text: &str, place: usize) -> Option<String> {
    let comment = text.get(place..).filter(|comment| comment.starts_with('#'))?;
    Some(format!("{} {comment}", &text[..place]))
}

/// The same text with spaces at the beginning of a line.
pub fn without_tabs(text: &str, line: usize) -> Option<String> {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.checked_sub(1)?)
        .map(str::len)
        .sum();
    let rest = &text[start..];
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let blanks = &rest[..blank];
    blanks
        .contains('\t')
        .then(|| format!("{}{}{}", &text[..start], " ".repeat(blank), &rest[blank..]))
}

#[cfg(test)]
mod tests {
    use super::super::tree::document;

    #[test]
    fn what_is_read_otherwise_is_refused() {
        for (text, part) in [
            ("a: [?b]", "line 1: found \"?b\" within brackets"),
            ("a: [b?c]", "found \"b?c\" within brackets"),
            ("a: [b:]", "found \"b\" with a colon"),
            ("a: {b\n c: d}", "line 1: found a key over several lines"),
            ("a: \"\\ud83d\\ude00\"", "found half a character"),
            ("a: {b: :c}", "found \":c\" within brackets"),
            ("a:\n  b: \"\\/\"", "line 2: found the escape \\/"),
            ("a: [!!str, b]", "found ',' after a tag"),
            ("a: &b.c 1", "found the anchor \"b.c\""),
            ("a:\n-\tb", "line 2: found a tab"),
            ("a:\n  b: 1\n\t\nc: 2", "line 3: found a tab"),
            ("a: b\u{85}c", "line 1: found the control character"),
        ] {
            let error = document(text).unwrap_err();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }

    #[test]
    fn tabs_may_stand_elsewhere() {
        for text in [
            "a:\tb",
            "a: {\n\tb: {\n\t\tc: '1'\n\t}\n}",
            "a: |\n  \tb",
            "a: \"b\n\tc\"",
            "---\t\na: 1",
            "a: [b,\tc]\t# d",
            "a: {\"b\":}",
        ] {
            assert!(document(text).is_ok(), "{text:?}: {:?}", document(text));
        }
    }

    #[test]
    fn a_comment_needs_no_space_after_brackets_and_quotes() {
        let read = document("a: [1,#b\n 2]#c\nd: \"e\"#f\ng: |#h\n  i\nj: k#l\n").unwrap();
        assert_eq!(read, serde_json::json!({"a": [1, 2], "d": "e", "g": "i\n", "j": "k#l"}));
    }
}
