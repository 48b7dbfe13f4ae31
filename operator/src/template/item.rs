//! Finds the corresponding item in another list, by the keys with which server-side apply merges the operator's lists.

use serde_json::Value;

/// `name` is last, because a mount also has the name of its volume, and the name of a port or an owner may change.
const KEYS: [&str; 5] = ["mountPath", "containerPort", "port", "uid", "name"];

/// The field that identifies this item, or `None` for a list of plain values.
pub fn key(item: &Value) -> Option<&'static str> {
    KEYS.into_iter().find(|key| !item[*key].is_null())
}

/// Whether `found` corresponds to `wanted`. Plain values are compared as a whole.
pub fn is_same(found: &Value, wanted: &Value) -> bool {
    key(wanted).map_or(found == wanted, |key| found[key] == wanted[key])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn two_mounts_of_a_volume_are_two_items() {
        let wanted = json!({"name": "v", "mountPath": "/v"});
        assert!(is_same(&json!({"name": "other", "mountPath": "/v"}), &wanted));
        assert!(!is_same(&json!({"name": "v", "mountPath": "/w"}), &wanted));
        assert!(is_same(&json!({"name": "A", "value": "1"}), &json!({"name": "A"})));
        assert!(!is_same(&json!("ALL"), &json!("NET_RAW")));
    }
}
