//! Which item of one list is meant by an item of another: by the fields that server-side apply merges our lists by.

use serde_json::Value;

/// A mount has the name of its volume as well, and a port or an owner has a name that may change: so `name` is last.
const KEYS: [&str; 5] = ["mountPath", "containerPort", "port", "uid", "name"];

/// The field that tells this item from others, or `None` for a list of plain values.
pub fn key(item: &Value) -> Option<&'static str> {
    KEYS.into_iter().find(|key| !item[*key].is_null())
}

/// Whether `found` is the item that `wanted` means. Plain values are compared whole.
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
