//! Converts the nodes of a document to JSON.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::nodes::{self, Node};
use super::numbers;
use super::scalar::Scalar;
use super::text::short;

/// Kubernetes' reader accepts ten thousand levels. No manifest needs as many as this.
const DEPTH: usize = 500;

/// From this size on, a document that mostly consists of aliases is treated as an attack.
const MANY: usize = 100_000;

/// Reads the first document of a text. Empty text and an empty document are null.
pub fn document(text: &str) -> Result<Value, String> {
    let (nodes, root) = nodes::read(text)?;
    root.map_or(Ok(Value::Null), |root| Converter::new(&nodes).value(root))
}

struct Converter<'a> {
    nodes: &'a [Node],
    /// The aliases that are being expanded.
    inside: HashSet<usize>,
    depth: usize,
    made: usize,
    made_by_aliases: usize,
}

impl<'a> Converter<'a> {
    fn new(nodes: &'a [Node]) -> Self {
        Self {
            nodes,
            inside: HashSet::new(),
            depth: 0,
            made: 0,
            made_by_aliases: 0,
        }
    }

    fn value(&mut self, index: usize) -> Result<Value, String> {
        match &self.nodes[index] {
            Node::Scalar { value, .. } => {
                self.count()?;
                json(value.clone()?)
            }
            Node::List(items) => self.nested(|this| {
                let items: Result<_, _> = items.iter().map(|item| this.value(*item)).collect();
                items.map(Value::Array)
            }),
            Node::Mapping(entries) => {
                let mut map = Map::new();
                self.fill(&mut map, entries)?;
                Ok(Value::Object(map))
            }
            Node::Alias(target) => self.through(index, |this| this.value(*target)),
            Node::Unfinished => Err(CONTAINS_ITSELF.to_owned()),
        }
    }

    /// Adds the entries in order: of two equal keys, the last one counts, also from a merge key.
    fn fill(&mut self, map: &mut Map<String, Value>, entries: &[(usize, usize)]) -> Result<(), String> {
        self.nested(|this| {
            for (key, value) in entries {
                if matches!(this.nodes[*key], Node::Scalar { is_merge: true, .. }) {
                    this.merge(map, *value)?;
                } else {
                    let key = this.key(*key)?;
                    let value = this.value(*value).map_err(|error| below(&key, error))?;
                    map.insert(key, value);
                }
            }
            Ok(())
        })
    }

    fn merge(&mut self, map: &mut Map<String, Value>, index: usize) -> Result<(), String> {
        match &self.nodes[index] {
            // The first ones take precedence.
            Node::List(items) => items.iter().rev().try_for_each(|item| self.merge_one(map, *item)),
            _ => self.merge_one(map, index),
        }
    }

    fn merge_one(&mut self, map: &mut Map<String, Value>, index: usize) -> Result<(), String> {
        match &self.nodes[index] {
            Node::Mapping(entries) => self.fill(map, entries),
            Node::Alias(target) => match &self.nodes[*target] {
                Node::Mapping(entries) => self.through(index, |this| this.fill(map, entries)),
                _ => Err(MERGES_MAPPINGS.to_owned()),
            },
            _ => Err(MERGES_MAPPINGS.to_owned()),
        }
    }

    fn key(&mut self, index: usize) -> Result<String, String> {
        match &self.nodes[index] {
            Node::Scalar { value, .. } => value.clone()?.into_key(),
            Node::Alias(target) => self.through(index, |this| this.key(*target)),
            _ => Err("found a list or a mapping as a key, expected text".to_owned()),
        }
    }

    fn through<T>(&mut self, alias: usize, convert: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if !self.inside.insert(alias) {
            return Err(CONTAINS_ITSELF.to_owned());
        }
        let converted = self.nested(convert);
        self.inside.remove(&alias);
        converted
    }

    fn nested<T>(&mut self, convert: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.count()?;
        if self.depth == DEPTH {
            return Err(format!("found more than {DEPTH} nested lists and mappings"));
        }
        self.depth += 1;
        let converted = convert(self);
        self.depth -= 1;
        converted
    }

    fn count(&mut self) -> Result<(), String> {
        self.made += 1;
        self.made_by_aliases += usize::from(!self.inside.is_empty());
        if self.made > MANY && self.made_by_aliases > self.made / 100 * 99 {
            return Err("found too many aliases".to_owned());
        }
        Ok(())
    }
}

const CONTAINS_ITSELF: &str = "found an alias inside of its own anchor";
const MERGES_MAPPINGS: &str = "found another value under `<<`, expected a mapping or a list of mappings";

fn below(key: &str, error: String) -> String {
    // If the error already has a place, it is the innermost key.
    if error.contains(": found ") {
        error
    } else {
        format!("{}: {error}", short(key))
    }
}

fn json(scalar: Scalar) -> Result<Value, String> {
    let number = match scalar {
        Scalar::Null => return Ok(Value::Null),
        Scalar::Bool(value) => return Ok(Value::Bool(value)),
        Scalar::Text(text) => return Ok(Value::String(text)),
        Scalar::Integer(number) => Some(number.into()),
        Scalar::Unsigned(number) => numbers::unsigned(number),
        Scalar::Float(number) => numbers::float(number),
    };
    let number = number.ok_or("found infinity or not-a-number, which JSON cannot express; quote it")?;
    Ok(Value::Number(number))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use serde_json::json;

    use super::*;

    #[test]
    fn reads_a_document() {
        let text = "a: &x {b: 0400, yes: 'yes'}\nc: [*x, ~]\nd:\n  <<: *x\n  b: 1\n";
        let read = document(text).unwrap();
        let x = json!({"b": 256, "true": "yes"});
        assert_eq!(read, json!({"a": x, "c": [x, null], "d": {"b": 1, "true": "yes"}}));
        assert_eq!(document("").unwrap(), Value::Null);
        assert_eq!(document("# nothing\n").unwrap(), Value::Null);
    }

    #[test]
    fn says_where_and_what_is_wrong() {
        for (text, parts) in [
            ("a: 1\nb: [", vec!["line "]),
            ("a: &x [*x]", vec!["inside of its own anchor"]),
            ("a: {<<: 1}", vec!["<<"]),
            ("a: {b: .inf}", vec!["b: found infinity"]),
            ("a: !!int word", vec!["a: found \"word\"", "!!int"]),
            ("[a]: b", vec!["as a key"]),
            ("a: \u{1}", vec!["line 1", "control character"]),
        ] {
            let error = document(text).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "`{part}` is missing in: {error}");
            }
        }
    }

    #[test]
    fn aliases_of_aliases_end_in_an_error() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let below = format!("*a{}, ", level - 1).repeat(10);
            let _ = writeln!(text, "a{level}: &a{level} [{below}]");
        }
        assert!(document(&text).unwrap_err().contains("too many aliases"));
    }
}
