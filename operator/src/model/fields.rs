//! The values of the fields in an entry of `managedFields`, read from the object.

use serde_json::{Map, Value};

/// The part of an object that these fields (`fieldsV1`) name, with live values.
pub fn extract(object: &Value, fields: &Value) -> Value {
    let Some(fields) = fields.as_object() else {
        return Value::Null;
    };
    match object {
        Value::Object(object) => {
            let held = fields.iter().filter_map(|(path, below)| {
                let name = path.strip_prefix("f:")?;
                Some((name.to_owned(), child(object.get(name)?, below)))
            });
            Value::Object(held.collect())
        }
        Value::Array(items) => Value::Array(items.iter().filter_map(|item| of_list(item, fields)).collect()),
        scalar => scalar.clone(),
    }
}

/// A field without child fields is owned as a whole.
fn child(value: &Value, below: &Value) -> Value {
    match below.as_object() {
        Some(below) if !below.is_empty() => extract(value, &Value::Object(below.clone())),
        _ => value.clone(),
    }
}

/// A list item is identified by its keys (`k:{"name":"signer"}`) or by its value (`v:"ALL"`).
fn of_list(item: &Value, fields: &Map<String, Value>) -> Option<Value> {
    fields.iter().find_map(|(path, below)| {
        if let Some(value) = path.strip_prefix("v:") {
            let value: Value = serde_json::from_str(value).ok()?;
            return (value == *item).then_some(value);
        }
        let keys: Map<String, Value> = serde_json::from_str(path.strip_prefix("k:")?).ok()?;
        if !keys.iter().all(|(key, value)| item[key] == *value) {
            return None;
        }
        let mut held = extract(item, below);
        if let Some(held) = held.as_object_mut() {
            held.extend(keys);
        }
        Some(held)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn takes_what_is_held_and_leaves_the_rest() {
        let object = json!({
            "metadata": {"annotations": {"ours": "a", "theirs": "b"}},
            "spec": {
                "containers": [
                    {"name": "node", "image": "theirs", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
                    {"name": "other"},
                ],
                "drop": ["ALL", "NET_RAW"],
                "resources": {"limits": {"cpu": "1"}},
            },
        });
        let fields = json!({
            "f:metadata": {"f:annotations": {"f:ours": {}}},
            "f:spec": {
                "f:containers": {"k:{\"name\":\"node\"}": {".": {}, "f:name": {}, "f:env": {
                    "k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}},
                }}},
                "f:drop": {"v:\"ALL\"": {}},
                "f:resources": {},
                "f:gone": {},
            },
        });
        assert_eq!(
            extract(&object, &fields),
            json!({
                "metadata": {"annotations": {"ours": "a"}},
                "spec": {
                    "containers": [{"name": "node", "env": [{"name": "A", "value": "1"}]}],
                    "drop": ["ALL"],
                    "resources": {"limits": {"cpu": "1"}},
                },
            })
        );
    }
}
