//! Whether an object still contains the rendering. Additional fields by others or defaults of the API server do not matter, so a
//! settled binding causes no writes.

use serde_json::Value;

use super::{item, quantity};

/// Whether everything wanted is present.
pub fn contains(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().all(|(field, value)| {
            if quantity::is_in(field) {
                quantities(live.get(field), value)
            } else {
                live.get(field).is_some_and(|live| contains(live, value))
            }
        }),
        (Value::Array(live), Value::Array(wanted)) => wanted.iter().all(|wanted| {
            let mut same = live.iter().filter(|live| item::is_same(live, wanted)).peekable();
            same.peek().is_some() && same.all(|live| contains(live, wanted) && same_source(live, wanted))
        }),
        _ => live == wanted,
    }
}

/// A variable has a value or a source, and adding the other one changes it.
fn same_source(live: &Value, wanted: &Value) -> bool {
    (wanted["valueFrom"].is_null() && live["valueFrom"].is_null())
        || (!wanted["valueFrom"].is_null() && live["value"].is_null())
}

fn quantities(live: Option<&Value>, wanted: &Value) -> bool {
    let Some(wanted) = wanted.as_object() else { return false };
    wanted
        .iter()
        .all(|(resource, value)| live.is_some_and(|live| quantity::equal(&live[resource], value)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ignores_what_others_added_and_sees_what_they_changed() {
        let wanted = json!({"env": [{"name": "A", "value": "1"}], "limits": {"cpu": "1000m"}, "drop": ["ALL"]});
        let more = json!({"env": [{"name": "B"}, {"name": "A", "value": "1"}], "limits": {"cpu": "1", "memory": "1Gi"}, "drop": ["ALL"], "x": 1});
        assert!(contains(&more, &wanted));
        for (pointer, value) in [
            ("/env/1/value", json!("2")),
            ("/env/1/name", json!("C")),
            ("/env/0", json!({"name": "A", "value": "3"})),
            ("/env/1/valueFrom", json!({"secretKeyRef": {}})),
            ("/limits/cpu", json!("2")),
            ("/drop", json!([])),
        ] {
            let mut changed = more.clone();
            match changed.pointer_mut(pointer) {
                Some(place) => *place = value,
                None => changed["env"][1]["valueFrom"] = value,
            }
            assert!(!contains(&changed, &wanted), "{pointer} was changed unseen");
        }
    }
}
