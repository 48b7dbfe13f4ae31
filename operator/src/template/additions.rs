//! Additions to the rendered signer container. Server-side apply keeps fields that other clients add, and some of them
//! change the signer's behaviour: an argument takes precedence over its variable. Resources and similar fields are not
//! checked, because admission plugins rewrite them.

use serde_json::{Value, json};

/// A field that the binding does not ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// Its name for people, such as `args` or `env ATTO_SIGNER_LOG`.
    pub field: String,
    /// Its place in the container, as a JSON pointer.
    pub pointer: String,
    /// Its path in `managedFields` below the container.
    pub managed: Vec<String>,
}

/// Fields that the operator never writes.
const WHOLE: [&str; 4] = ["command", "args", "envFrom", "lifecycle"];

/// Lists with some of the operator's items, and their merge key.
const LISTS: [(&str, &str); 2] = [("env", "name"), ("volumeMounts", "mountPath")];

/// All additions to a container. In each list, the last item comes first, so that each pointer stays valid.
pub fn of(found: &Value, wanted: &Value) -> Vec<Addition> {
    let whole = WHOLE
        .into_iter()
        .filter(|field| !is_empty(&found[*field]) && found[*field] != wanted[*field])
        .map(|field| Addition {
            field: field.to_owned(),
            pointer: format!("/{field}"),
            managed: vec![format!("f:{field}")],
        });
    let items = LISTS.into_iter().flat_map(|(field, key)| {
        let (there, asked) = (items(&found[field]), items(&wanted[field]));
        let is_added = move |index: &usize| {
            let name = &there[*index][key];
            let is_repeated = there[..*index].iter().any(|before| before[key] == *name);
            is_repeated || asked.iter().all(|item| item[key] != *name)
        };
        (0..there.len()).rev().filter(is_added).map(move |index| {
            let name = &there[index][key];
            Addition {
                field: format!("{field} {}", name.as_str().unwrap_or_default()),
                pointer: format!("/{field}/{index}"),
                managed: vec![format!("f:{field}"), format!("k:{}", json!({ key: name }))],
            }
        })
    });
    whole.chain(items).collect()
}

/// Everything in a container that could be an addition: the fields that the operator never writes, and the keys of all list items.
pub fn inventory(found: &Value) -> Value {
    let whole = WHOLE.into_iter().map(|field| (field, found[field].clone()));
    let lists = LISTS.into_iter().map(|(field, key)| {
        let keys = items(&found[field]).iter().map(|item| item[key].clone());
        (field, keys.collect())
    });
    whole.chain(lists).collect()
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(found: &Value, wanted: &Value) -> Vec<String> {
        of(found, wanted).into_iter().map(|addition| addition.pointer).collect()
    }

    #[test]
    fn sees_what_decides_what_runs_and_nothing_that_admission_plugins_rewrite() {
        let wanted = json!({
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        });
        let mut found = wanted.clone();
        found["resources"] = json!({"limits": {"cpu": "1"}});
        found["args"] = json!([]);
        assert!(of(&found, &wanted).is_empty());
        for field in WHOLE {
            let mut changed = found.clone();
            changed[field] = json!(["x"]);
            assert_eq!(fields(&changed, &wanted), [format!("/{field}")]);
        }
        found["env"] = json!([
            {"name": "B", "value": "2"}, {"name": "X", "value": "3"}, {"name": "A", "value": "1"}, {"name": "A", "value": "4"},
        ]);
        found["volumeMounts"] = json!([{"name": "v", "mountPath": "/v"}, {"name": "v", "mountPath": "/w"}]);
        assert_eq!(fields(&found, &wanted), ["/env/3", "/env/1", "/volumeMounts/1"]);
        let added = &of(&found, &wanted)[1];
        assert_eq!(added.field, "env X");
        assert_eq!(added.managed, ["f:env", r#"k:{"name":"X"}"#]);
    }
}
