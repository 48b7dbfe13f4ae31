//! Prints YAML that kubectl reads with the intended meaning.

use serde_json::Value;

use super::scalar::{self, Scalar};

/// Prints an object. The serializer writes YAML 1.2, so text that YAML 1.1 would read as another type is quoted here.
pub fn print(object: &Value) -> Result<String, String> {
    let cannot = |error| format!("cannot write the result: {error}");
    let mut quoted = Quoted::new(object);
    let marked = quoted.mark(object)?;
    let text = serde_yaml::to_string(&marked).map_err(cannot)?;
    quoted.put_in(&text)
}

/// Words that are replaced by markers during serialisation.
struct Quoted {
    /// Occurs in no word of the object.
    marker: String,
    words: Vec<String>,
}

impl Quoted {
    fn new(object: &Value) -> Self {
        let text = object.to_string();
        let mut marker = "quoted-".to_owned();
        while text.contains(&marker) {
            marker.push('q');
        }
        Self { marker, words: vec![] }
    }

    fn mark(&mut self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.word(text)?),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.mark(item)).collect::<Result<_, _>>()?),
            Value::Object(map) => {
                let mut marked = serde_json::Map::new();
                for (key, value) in map {
                    marked.insert(self.word(key)?, self.mark(value)?);
                }
                Value::Object(marked)
            }
            other => other.clone(),
        })
    }

    fn word(&mut self, text: &str) -> Result<String, String> {
        if !would_change(text)? {
            return Ok(text.to_owned());
        }
        self.words.push(text.to_owned());
        Ok(format!("{}{}.", self.marker, self.words.len() - 1))
    }

    fn put_in(&self, text: &str) -> Result<String, String> {
        let mut parts = text.split(&self.marker);
        let mut printed = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (index, rest) = part.split_once('.').unwrap_or((part, ""));
            let word = index.parse().ok().and_then(|index: usize| self.words.get(index));
            let word = word.ok_or("cannot write the result: a word was lost")?;
            printed.push_str(&Value::from(word.as_str()).to_string());
            printed.push_str(rest);
        }
        Ok(printed)
    }
}

/// Whether the serializer would leave text without quotes that kubectl reads as another type or as the merge key.
fn would_change(text: &str) -> Result<bool, String> {
    let is_text = text != "<<" && text != "=" && matches!(scalar::plain(text), Scalar::Text(_));
    if is_text {
        return Ok(false);
    }
    let written = serde_yaml::to_string(text).map_err(|error| format!("cannot write the result: {error}"))?;
    Ok(!written.starts_with(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tree;
    use super::*;

    #[test]
    fn quotes_what_would_become_something_else() {
        let text = print(&json!({"a": "yes", "b": "ON", "c": true, "d": "yesterday", "n": "quoted-0."})).unwrap();
        assert_eq!(text, "a: \"yes\"\nb: \"ON\"\nc: true\nd: yesterday\n\"n\": quoted-0.\n");
    }

    #[test]
    fn what_is_printed_is_read_again() {
        for word in [
            "yes",
            "y",
            "No",
            "off",
            "~",
            "null",
            "",
            "0400",
            "0o17",
            "0b1",
            "1_000",
            "0x1F",
            "08",
            "+1",
            ".5",
            "1.",
            "1e3",
            "1:30",
            "12:30:45",
            "=",
            "<<",
            "2024-01-01",
            "2024-01-01T00:00:00Z",
            ".inf",
            "-.INF",
            ".NaN",
            "!!str",
            "&a",
            "*a",
            "- a",
            "? a",
            "a: b",
            "a #b",
            "#",
            "@a",
            "`a",
            "%a",
            "a\nb",
            "a\nb\n",
            "\n",
            " a",
            "a ",
            "\ta",
            "a\tb",
            "'",
            "\"",
            "\\",
            "---",
            "...",
            "{}",
            "[]",
            ",",
            "\u{7f}",
            "\u{85}",
            "\u{FEFF}a",
            "ä",
            "😀",
            "| a",
            "> a",
            "a\r\nb",
            "  a\n b\n",
            "-",
            "_1",
            "0_",
            "+.inf",
            "1e999",
        ] {
            let value = json!({"value": word, "list": [word], word: {word: word}});
            let text = print(&value).unwrap();
            assert_eq!(tree::document(&text).as_ref(), Ok(&value), "{word:?}:\n{text}");
        }
    }
}
