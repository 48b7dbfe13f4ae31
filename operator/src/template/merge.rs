//! What server-side apply would make of an object: maps are merged, lists by the key of their items, new items go to the
//! end.

use serde_json::Value;

const KEYS: [&str; 3] = ["name", "containerPort", "uid"];

/// Merges `patch` into `object`.
pub fn apply(object: &mut Value, patch: &Value) {
    match (object, patch) {
        (Value::Object(object), Value::Object(patch)) => {
            for (field, value) in patch {
                apply(object.entry(field.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(items), Value::Array(patch)) => {
            for value in patch {
                let key = KEYS.into_iter().find(|key| !value[*key].is_null());
                let same = |item: &Value| key.map_or(item == value, |key| item[key] == value[key]);
                match items.iter().position(same) {
                    Some(index) => apply(&mut items[index], value),
                    None => items.push(value.clone()),
                }
            }
        }
        (object, patch) => *object = patch.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn adds_at_the_end_and_changes_nothing_the_second_time() {
        let mut object = json!({"containers": [{"name": "node", "env": [{"name": "A"}], "image": "i"}]});
        let patch = json!({"containers": [{"name": "node", "env": [{"name": "B", "value": "1"}]}]});
        apply(&mut object, &patch);
        let once = object.clone();
        assert_eq!(
            once,
            json!({"containers": [{"name": "node", "env": [{"name": "A"}, {"name": "B", "value": "1"}], "image": "i"}]})
        );
        apply(&mut object, &patch);
        assert_eq!(object, once);
    }
}
