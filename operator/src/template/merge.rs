//! The result of a server-side apply: maps are merged, lists by their items' keys, and new items are appended.

use serde_json::Value;

use super::item;

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
                match items.iter().position(|found| item::is_same(found, value)) {
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
        let theirs = json!({"name": "v", "mountPath": "/theirs"});
        let mut mounts = json!({"volumeMounts": [theirs]});
        apply(
            &mut mounts,
            &json!({"volumeMounts": [{"name": "v", "mountPath": "/ours"}]}),
        );
        assert_eq!(
            mounts["volumeMounts"],
            json!([theirs, {"name": "v", "mountPath": "/ours"}])
        );
    }
}
