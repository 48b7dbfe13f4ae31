//! YAML that kubectl reads as it was meant.

use serde_json::Value;

/// YAML 1.1, which kubectl reads, takes these words for booleans; the serialiser, which writes YAML 1.2, leaves them
/// unquoted.
const BOOLEANS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];

/// Prints an object.
pub fn print(object: &Value) -> Result<String, String> {
    let mut object = object.clone();
    let mut quoted = vec![];
    mark(&mut object, &mut quoted);
    let mut text = serde_yaml::to_string(&object).map_err(|error| format!("cannot write the result: {error}"))?;
    for (index, word) in quoted.iter().enumerate() {
        text = text.replace(&marker(index), &format!("\"{word}\""));
    }
    Ok(text)
}

fn mark(value: &mut Value, quoted: &mut Vec<String>) {
    match value {
        Value::String(text) if BOOLEANS.contains(&text.to_ascii_lowercase().as_str()) => {
            quoted.push(std::mem::replace(text, marker(quoted.len())));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mark(item, quoted)),
        Value::Object(map) => map.values_mut().for_each(|item| mark(item, quoted)),
        _ => {}
    }
}

/// Ends in a letter, so that no marker is the beginning of another.
fn marker(index: usize) -> String {
    format!("signer-operator-quoted-{index}q")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quotes_what_would_become_a_boolean() {
        let text = print(&json!({"a": "yes", "b": "ON", "c": true, "d": "yesterday"})).unwrap();
        assert_eq!(text, "a: \"yes\"\nb: \"ON\"\nc: true\nd: yesterday\n");
    }
}
