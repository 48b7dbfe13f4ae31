//! Splits a text with several documents as kubectl does.

use serde_json::{Deserializer, Value};

use super::text::short;
use super::{numbers, tree};

/// How far kubectl searches for the brace that begins JSON.
const BEGINNING: usize = 4096;

const SEPARATOR: &str = "---";

/// All documents except empty ones.
pub fn documents(text: &str) -> Result<Vec<Value>, String> {
    let mut documents = vec![];
    let yaml = if begins_as_json(text) {
        json(text, &mut documents)?
    } else {
        text
    };
    if !yaml.is_empty() {
        let above = text[..text.len() - yaml.len()].matches('\n').count();
        for (line, chunk) in chunks(yaml)? {
            documents.push(tree::document(&chunk).map_err(|error| moved(&error, above + line))?);
        }
    }
    documents.retain(|document| !document.is_null());
    Ok(documents)
}

fn begins_as_json(text: &str) -> bool {
    let start = text.trim_start();
    start.starts_with('{') && text.len() - start.len() < BEGINNING
}

/// JSON objects one after the other. The text after them may be YAML, so the rest is returned.
fn json<'a>(text: &'a str, documents: &mut Vec<Value>) -> Result<&'a str, String> {
    let mut stream = Deserializer::from_str(text).into_iter::<Value>();
    let mut end = 0;
    while let Some(document) = stream.next() {
        match document {
            Ok(mut document) => {
                numbers::normalize(&mut document);
                documents.push(document);
                end = stream.byte_offset();
            }
            Err(error) if documents.len() > 1 => return Err(format!("not valid JSON: {error}")),
            Err(_) => return Ok(after_line(&text[end..])),
        }
    }
    Ok("")
}

/// Without trailing spaces up to the end of the line.
fn after_line(text: &str) -> &str {
    let spaces = text.len() - text.trim_start().len();
    match text[..spaces].find('\n') {
        Some(end) => &text[end + 1..],
        None => &text[spaces..],
    }
}

/// The text of each document, and the number of lines before it.
fn chunks(text: &str) -> Result<Vec<(usize, String)>, String> {
    let mut chunks = vec![];
    let mut current = String::new();
    let mut start = 0;
    for (number, line) in text.lines().enumerate() {
        if let Some(rest) = line.strip_prefix(SEPARATOR) {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(format!(
                    "line {}: found {:?} after ---, expected the end of the line or a comment",
                    number + 1,
                    short(rest)
                ));
            }
            if !current.is_empty() {
                chunks.push((start, std::mem::take(&mut current)));
                start = number + 1;
                continue;
            }
        }
        current.push_str(line);
        current.push('\n');
    }
    if !current.is_empty() {
        chunks.push((start, current));
    }
    Ok(chunks)
}

/// An error of a document, with its line in the whole text.
fn moved(error: &str, above: usize) -> String {
    let parts = error.strip_prefix("line ").and_then(|rest| rest.split_once(": "));
    match parts.and_then(|(line, rest)| Some((line.parse::<usize>().ok()?, rest))) {
        Some((line, rest)) => format!("line {}: {rest}", line + above),
        None => format!("in the document that begins at line {}: {error}", above + 1),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn takes_documents_apart() {
        for (text, expected) in [
            (
                "a: 1\n--- # two\n---\nb: 2\r\n---\n# nothing\n",
                vec![json!({"a": 1}), json!({"b": 2})],
            ),
            ("---\na: |\n  x\n  ---\n", vec![json!({"a": "x\n---\n"})]),
            ("{\"a\": 1}{\"b\": 1.0}", vec![json!({"a": 1}), json!({"b": 1})]),
            ("{\"a\": 1}\n---\nb: 2", vec![json!({"a": 1}), json!({"b": 2})]),
            ("{a: 1}\n", vec![json!({"a": 1})]),
            ("\u{FEFF}a: 1\n", vec![json!({"a": 1})]),
            ("a: 1\n...\nb: 2\n", vec![json!({"a": 1})]),
            ("", vec![]),
        ] {
            assert_eq!(documents(text).as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn says_the_line_in_the_whole_text() {
        let error = documents("a: 1\n---\nb: 2\nc: [\n").unwrap_err();
        assert!(
            error.starts_with("line 4: ") || error.starts_with("line 5: "),
            "{error}"
        );
        let error = documents("a: 1\n--- b\n").unwrap_err();
        assert!(error.starts_with("line 2: found \"b\" after ---"), "{error}");
        let error = documents("{\"a\": 1}\n---\nb: 1\n---\nc: .inf\n").unwrap_err();
        assert!(
            error.starts_with("in the document that begins at line 5: c: found"),
            "{error}"
        );
    }
}
