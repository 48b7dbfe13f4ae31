//! Hashes of a rendering and of its parts.

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Hashes the rendered part of a pod template. The token's fingerprint stays separate, so that a changed token can be
/// distinguished from a changed rendering.
pub fn of(template: &Value, token_fingerprint: &str) -> String {
    format!("{}-{token_fingerprint}", digest(template))
}

/// The first half of the SHA-256 of a value, in hex digits.
pub fn digest(value: &Value) -> String {
    let mut text = String::new();
    canonical(value, &mut text);
    let mut hash = HEXLOWER.encode(&Sha256::digest(text));
    hash.truncate(32);
    hash
}

/// The part of a hash that covers the template.
pub fn template_part(hash: &str) -> &str {
    hash.split_once('-').map_or(hash, |(template, _)| template)
}

/// The part of a hash that covers the token.
pub fn token_part(hash: &str) -> &str {
    hash.split_once('-').map_or("", |(_, token)| token)
}

/// JSON with sorted keys, independent of a map's order.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (key, value) in entries {
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn follows_content_and_not_order() {
        let first: Value = serde_json::from_str(r#"{"a":1,"b":[{"c":2,"d":3}]}"#).unwrap();
        let second: Value = serde_json::from_str(r#"{"b":[{"d":3,"c":2}],"a":1}"#).unwrap();
        assert_eq!(of(&first, "t"), of(&second, "t"));
        assert_ne!(of(&first, "t"), of(&json!({"a":1,"b":[{"c":2,"d":4}]}), "t"));
        assert_ne!(of(&first, "t"), of(&first, "u"));
    }
}
