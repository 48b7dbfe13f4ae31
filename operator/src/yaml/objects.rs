//! The objects in the documents, including those inside a `kind: List`.

use serde_json::Value;

use super::stream::documents;

/// All objects of a text in order, without the lists that contained them.
pub fn objects(text: &str) -> Result<Vec<Value>, String> {
    let mut objects = vec![];
    for document in documents(text)? {
        take(document, &mut objects)?;
    }
    Ok(objects)
}

fn take(mut object: Value, objects: &mut Vec<Value>) -> Result<(), String> {
    let Some(map) = object.as_object_mut() else {
        return Err(format!("found {} as a document, expected an object", name(&object)));
    };
    let kind = text(map.get("kind"));
    if kind.is_empty() {
        return Err("found a document without a kind, expected an object with apiVersion and kind".to_owned());
    }
    let version = text(map.get("apiVersion"));
    // kubectl treats each object with this field as a list.
    let items = match map.remove("items") {
        None if version.is_empty() => return Err(format!("{kind}: found no apiVersion, expected one")),
        None => {
            objects.push(object);
            return Ok(());
        }
        Some(Value::Null) => return Ok(()),
        Some(Value::Array(items)) => items,
        Some(other) => return Err(format!("{kind}: items: found {}, expected a list", name(&other))),
    };
    let inherited = kind.strip_suffix("List").unwrap_or(&kind);
    for mut item in items {
        let Some(fields) = item.as_object_mut() else {
            return Err(format!("{kind}: items: found {}, expected objects", name(&item)));
        };
        if fields.get("items").is_some_and(Value::is_array) {
            return Err(format!("{kind}: items: found a list, expected objects"));
        }
        // The items of a list of one kind, as the API server prints it, do not repeat the kind.
        if text(fields.get("kind")).is_empty() && text(fields.get("apiVersion")).is_empty() {
            fields.insert("kind".to_owned(), inherited.into());
            fields.insert("apiVersion".to_owned(), version.clone().into());
        }
        if text(fields.get("kind")).is_empty() || text(fields.get("apiVersion")).is_empty() {
            return Err(format!(
                "{kind}: items: found an object without kind or apiVersion, expected both"
            ));
        }
        objects.push(item);
    }
    Ok(())
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Result<Vec<String>, String> {
        let objects = objects(text)?;
        Ok(objects
            .iter()
            .map(|object| format!("{}/{}", object["apiVersion"], object["kind"]).replace('"', ""))
            .collect())
    }

    #[test]
    fn looks_into_lists() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod}\n- {apiVersion: v1, kind: Secret}\n---\n{apiVersion: v1, kind: Service}\n";
        assert_eq!(kinds(text).unwrap(), ["v1/Pod", "v1/Secret", "v1/Service"]);
        let typed = "{apiVersion: apps/v1, kind: DeploymentList, items: [{metadata: {name: a}}]}";
        assert_eq!(kinds(typed).unwrap(), ["apps/v1/Deployment"]);
        assert!(kinds("{apiVersion: v1, kind: List, items: null}").unwrap().is_empty());
    }

    #[test]
    fn says_what_is_no_object() {
        for (text, part) in [
            ("- a\n", "found a list as a document"),
            ("a: 1\n", "without a kind"),
            ("kind: Pod\n", "Pod: found no apiVersion"),
            (
                "{kind: List, items: [{kind: List, items: []}]}",
                "List: items: found a list, expected objects",
            ),
            ("{kind: List, items: 1}", "List: items: found a number, expected a list"),
            (
                "{kind: List, items: [1]}",
                "List: items: found a number, expected objects",
            ),
        ] {
            let error = kinds(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
