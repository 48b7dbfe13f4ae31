//! A field path as the API server writes it in a conflict: `.spec.template.spec.containers[name="node"].env`.

use serde_json::{Map, Value};

/// The path of a field, outermost part first.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldPath(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Field(String),
    /// A list item, by its identifying fields.
    Item(Map<String, Value>),
}

/// Maps whose keys contain dots.
const MAPS: [&str; 2] = ["labels", "annotations"];

impl FieldPath {
    /// None if the text does not have the API server's format.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = vec![];
        let mut rest = text;
        while !rest.is_empty() {
            let (part, behind) = match parts.last() {
                Some(Part::Field(map)) if MAPS.contains(&map.as_str()) => {
                    (Part::Field(after_dot(rest)?.to_owned()), "")
                }
                _ if rest.starts_with('[') => item(rest)?,
                _ => field(rest)?,
            };
            parts.push(part);
            rest = behind;
        }
        (!parts.is_empty()).then_some(Self(parts))
    }

    /// The value at this path. Null if there is none.
    pub fn of<'a>(&self, object: &'a Value) -> &'a Value {
        self.0.iter().fold(object, |value, part| match part {
            Part::Field(name) => &value[name],
            Part::Item(keys) => {
                let mut items = value.as_array().into_iter().flatten();
                items
                    .find(|item| keys.iter().all(|(key, value)| item[key] == *value))
                    .unwrap_or(&Value::Null)
            }
        })
    }

    /// The value at this path in `fieldsV1`, which records owners.
    pub fn of_fields<'a>(&self, fields: &'a Value) -> &'a Value {
        self.0.iter().fold(fields, |value, part| match part {
            Part::Field(name) => &value[format!("f:{name}")],
            Part::Item(keys) => {
                let mut items = value.as_object().into_iter().flatten();
                let found = items.find(|(item, _)| {
                    let named = item.strip_prefix("k:").and_then(|text| serde_json::from_str(text).ok());
                    named.is_some_and(|named: Map<String, Value>| named == *keys)
                });
                found.map_or(&Value::Null, |(_, below)| below)
            }
        })
    }
}

fn after_dot(rest: &str) -> Option<&str> {
    rest.strip_prefix('.').filter(|name| !name.is_empty())
}

fn field(rest: &str) -> Option<(Part, &str)> {
    let name = after_dot(rest)?;
    let end = name.find(['.', '[']).unwrap_or(name.len());
    let (name, behind) = name.split_at(end);
    (!name.is_empty()).then(|| (Part::Field(name.to_owned()), behind))
}

/// `[containerPort=8082,protocol="TCP"]`, with values as in JSON.
fn item(rest: &str) -> Option<(Part, &str)> {
    let mut keys = Map::new();
    let mut rest = rest.strip_prefix('[')?;
    loop {
        let (key, value) = rest.split_once('=')?;
        let mut values = serde_json::Deserializer::from_str(value).into_iter::<Value>();
        let found = values.next()?.ok()?;
        rest = &value[values.byte_offset()..];
        keys.insert(key.to_owned(), found);
        if let Some(more) = rest.strip_prefix(',') {
            rest = more;
        } else {
            return Some((Part::Item(keys), rest.strip_prefix(']')?));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn is_found_in_an_object_and_in_what_says_who_wrote_it() {
        let object = json!({"spec": {"containers": [
            {"name": "other"}, {"name": "node", "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 1, "protocol": "TCP"}]},
        ]}, "metadata": {"annotations": {"signer.atto.cash/hash": "h"}}});
        let fields = json!({"f:spec": {"f:containers": {"k:{\"name\":\"node\"}": {
            "f:env": {"k:{\"name\":\"A\"}": {"f:value": {}}},
            "f:ports": {"k:{\"containerPort\":1,\"protocol\":\"TCP\"}": {".": {}}},
        }}}, "f:metadata": {"f:annotations": {"f:signer.atto.cash/hash": {}}}});
        for (text, found) in [
            (".spec.containers[name=\"node\"].env[name=\"A\"].value", json!("1")),
            (
                ".spec.containers[name=\"node\"].ports[containerPort=1,protocol=\"TCP\"]",
                json!({"containerPort": 1, "protocol": "TCP"}),
            ),
            (".metadata.annotations.signer.atto.cash/hash", json!("h")),
        ] {
            let path = FieldPath::parse(text).unwrap();
            assert_eq!(path.of(&object), &found, "{text}");
            assert!(path.of_fields(&fields).is_object(), "{text}");
        }
        let gone = FieldPath::parse(".spec.containers[name=\"gone\"].env").unwrap();
        assert!(gone.of(&object).is_null() && gone.of_fields(&fields).is_null());
    }

    #[test]
    fn what_is_written_otherwise_is_none() {
        for text in [
            "",
            "spec",
            ".",
            ".spec[",
            ".spec[0]",
            ".spec[name=node]",
            ".spec[name=\"a\"",
            ".spec..a",
        ] {
            assert_eq!(FieldPath::parse(text), None, "{text}");
        }
    }
}
