//! The fields of an OpenAPI schema, as rows of a table.

use serde_json::Value;

use super::table::{code, sentence};

/// Conditions are the same in every Kubernetes API, and have their own page.
const CONDITIONS: &str = "status.conditions";

/// A field and all its child fields: path, type, description with its rules.
pub fn rows(path: &str, field: &Value, required: bool) -> Vec<[String; 3]> {
    let required = if required { ", required" } else { "" };
    let meaning: Vec<_> = [sentence(&describe(field))].into_iter().chain(rules(field)).collect();
    let mut found = vec![[code(path), format!("{}{required}", type_of(field)), meaning.join(" ")]];
    let (holder, prefix) = match field.get("items") {
        Some(_) if path == CONDITIONS => return found,
        Some(items) => (items, format!("{path}[]")),
        None => (field, path.to_owned()),
    };
    for (name, below) in holder["properties"].as_object().into_iter().flatten() {
        found.extend(rows(&format!("{prefix}.{name}"), below, is_required(holder, name)));
    }
    found
}

/// Whether an object must have this field.
pub fn is_required(object: &Value, name: &str) -> bool {
    let required = object["required"].as_array().into_iter().flatten();
    required.into_iter().any(|required| required == name)
}

/// The description, with one line per paragraph.
pub fn describe(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

fn type_of(schema: &Value) -> String {
    if schema["x-kubernetes-int-or-string"] == true {
        return "integer or string".to_owned();
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", type_of(&schema["items"])),
        Some("object") if schema.get("additionalProperties").is_some() => {
            format!("map of {}", type_of(&schema["additionalProperties"]))
        }
        other => other.unwrap_or("any").to_owned(),
    }
}

fn rules(schema: &Value) -> Vec<String> {
    let (items, told) = (&schema["items"], describe(schema));
    let choice = |schema: &Value, what: &str| {
        let values = schema["enum"].as_array()?;
        let values: Vec<_> = values.iter().filter_map(Value::as_str).map(code).collect();
        // Most descriptions explain each value.
        let is_told = values.iter().all(|value| told.contains(value.as_str()));
        (!is_told).then(|| format!("{what}: {}.", values.join(", ")))
    };
    let is_set = schema["x-kubernetes-list-type"] == "set";
    let bounds = [
        choice(schema, "One of"),
        choice(items, "Some of"),
        bound(schema, ["minLength", "maxLength"], "character"),
        bound(items, ["minLength", "maxLength"], "character")
            .map(|bound| format!("Each item: {}", bound.to_lowercase())),
        bound(schema, ["minItems", "maxItems"], "item"),
        bound(schema, ["minProperties", "maxProperties"], "entry"),
        range(schema),
        schema["pattern"]
            .as_str()
            .map(|pattern| format!("Pattern: {}.", code(pattern))),
        is_set.then(|| "None twice.".to_owned()),
    ];
    let messages = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    let messages = messages.filter_map(|rule| Some(format!("“{}”.", rule["message"].as_str()?)));
    bounds.into_iter().flatten().chain(messages).collect()
}

fn bound(schema: &Value, [least, most]: [&str; 2], unit: &str) -> Option<String> {
    let plural = match unit {
        "entry" => "entries".to_owned(),
        unit => format!("{unit}s"),
    };
    match (schema[least].as_u64(), schema[most].as_u64()) {
        (None, None) => None,
        (Some(least), Some(most)) => Some(format!("{least} to {most} {plural}.")),
        (None, Some(most)) => Some(format!("At most {most} {plural}.")),
        (Some(least), None) => Some(format!("At least {least} {plural}.")),
    }
}

fn range(schema: &Value) -> Option<String> {
    let (least, most) = (schema["minimum"].as_f64()?, schema["maximum"].as_f64()?);
    Some(format!("From {least} to {most}."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bounds_and_messages_stand_behind_the_description() {
        let field = json!({
            "type": "object",
            "description": "What it is.",
            "required": ["names"],
            "properties": {"names": {
                "type": "array",
                "description": "Names",
                "maxItems": 3,
                "x-kubernetes-list-type": "set",
                "items": {"type": "string", "enum": ["A", "B"]},
                "x-kubernetes-validations": [{"rule": "true", "message": "must be so"}],
            }},
        });
        let rows = rows("spec.x", &field, false);
        assert_eq!(rows[0], ["`spec.x`", "object", "What it is."]);
        let meaning = "Names. Some of: `A`, `B`. At most 3 items. None twice. “must be so”.";
        assert_eq!(rows[1], ["`spec.x.names`", "list of string, required", meaning]);
    }
}
