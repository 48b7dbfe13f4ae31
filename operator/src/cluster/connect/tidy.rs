//! Converts a kubeconfig file to the form that the library reads: kubectl treats a null or an empty text as a missing field.

use std::path::{MAIN_SEPARATOR, Path};

use serde_json::{Map, Value, json};

/// The sections of a kubeconfig, and the field that an entry of each has in addition to its name.
const SECTIONS: [(&str, &str); 3] = [("clusters", "cluster"), ("users", "user"), ("contexts", "context")];

/// Fields with the path of a file, relative to the folder of the kubeconfig.
const FILES: [&str; 4] = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];

/// Base64 data, possibly split into several lines.
const DATA: [&str; 3] = [
    "certificate-authority-data",
    "client-certificate-data",
    "client-key-data",
];

/// The first plugin API version that requires the interactive mode.
const EXEC_V1: &str = "client.authentication.k8s.io/v1";

pub fn tidy(mut contents: Map<String, Value>, folder: &Path) -> Result<Map<String, Value>, String> {
    drop_unset(&mut contents);
    for (field, expected) in [("kind", "Config"), ("apiVersion", "v1")] {
        match contents.remove(field) {
            None => {}
            Some(found) if found == expected => {}
            Some(found) => return Err(format!("{field}: found {found}, expected {expected}")),
        }
    }
    // Extensions belong to other programs and have any form.
    contents.remove("extensions");
    contents.remove("preferences");
    for (section, part) in SECTIONS {
        let Some(entries) = contents.get_mut(section) else {
            continue;
        };
        let entries = entries
            .as_array_mut()
            .ok_or_else(|| format!("{section}: found no list, expected one"))?;
        let mut names = vec![];
        for entry in entries {
            if entry.is_null() {
                *entry = json!({});
            }
            let entry = entry
                .as_object_mut()
                .ok_or_else(|| format!("{section}: found no object in the list"))?;
            let name = entry.entry("name").or_insert_with(|| "".into()).clone();
            if names.contains(&name) {
                return Err(format!("{section}: found the name {name} twice"));
            }
            names.push(name);
            let part = entry.entry(part).or_insert_with(|| json!({}));
            if let Some(fields) = part.as_object_mut() {
                tidy_entry(fields, section, folder);
            }
        }
    }
    Ok(contents)
}

fn tidy_entry(fields: &mut Map<String, Value>, section: &str, folder: &Path) {
    for field in FILES {
        if let Some(Value::String(path)) = fields.get_mut(field) {
            *path = folder.join(&*path).to_string_lossy().into_owned();
        }
    }
    for field in DATA {
        if let Some(Value::String(data)) = fields.get_mut(field) {
            data.retain(|char| !matches!(char, '\n' | '\r'));
        }
    }
    match section {
        // The information about the cluster that a plugin gets.
        "clusters" => {
            if let Some(Value::Array(extensions)) = fields.get_mut("extensions") {
                extensions.retain(|extension| extension["name"].is_string() && extension.get("extension").is_some());
            }
        }
        "contexts" => {
            fields.remove("extensions");
            fields.entry("cluster").or_insert_with(|| "".into());
        }
        _ => {
            fields.remove("extensions");
            if let Some(Value::Object(provider)) = fields.get_mut("auth-provider") {
                provider.entry("name").or_insert_with(|| "".into());
            }
            if let Some(Value::Object(exec)) = fields.get_mut("exec") {
                tidy_exec(exec, folder);
            }
        }
    }
}

fn tidy_exec(exec: &mut Map<String, Value>, folder: &Path) {
    if let Some(Value::String(command)) = exec.get_mut("command")
        && command.contains(MAIN_SEPARATOR)
    {
        *command = folder.join(&*command).to_string_lossy().into_owned();
    }
    if let Some(Value::Array(variables)) = exec.get_mut("env") {
        for variable in variables.iter_mut().filter_map(Value::as_object_mut) {
            variable.entry("value").or_insert_with(|| "".into());
        }
    }
    let is_older = exec.get("apiVersion").is_some_and(|version| version != EXEC_V1);
    if is_older {
        exec.entry("interactiveMode").or_insert_with(|| "IfAvailable".into());
    }
}

fn drop_unset(map: &mut Map<String, Value>) {
    map.retain(|_, value| !value.is_null() && value != "");
    for value in map.values_mut() {
        match value {
            Value::Object(map) => drop_unset(map),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(drop_unset),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidied(contents: Value) -> Result<Value, String> {
        let Value::Object(contents) = contents else {
            return Err("no object".to_owned());
        };
        tidy(contents, Path::new("/folder")).map(Value::Object)
    }

    #[test]
    fn what_is_not_set_is_not_there() {
        let contents = json!({
            "apiVersion": "v1", "kind": "Config", "preferences": {}, "current-context": "", "contexts": null,
            "clusters": [{"name": "a", "cluster": {"server": "https://a", "certificate-authority": "ca.crt", "proxy-url": ""}}],
            "users": [
                {"name": "a", "user": {"auth-provider": {"name": "gcp", "config": null}}},
                {"name": "b", "user": {"exec": {"command": "./plugin", "args": ["", "x"], "env": [{"name": "A"}], "apiVersion": "v1beta1"}}},
                {"name": "c", "user": null},
            ],
        });
        let expected = json!({
            "clusters": [{"name": "a", "cluster": {"server": "https://a", "certificate-authority": "/folder/ca.crt"}}],
            "users": [
                {"name": "a", "user": {"auth-provider": {"name": "gcp"}}},
                {"name": "b", "user": {"exec": {
                    "command": "/folder/./plugin", "args": ["", "x"], "env": [{"name": "A", "value": ""}],
                    "apiVersion": "v1beta1", "interactiveMode": "IfAvailable",
                }}},
                {"name": "c", "user": {}},
            ],
        });
        assert_eq!(tidied(contents), Ok(expected));
    }

    #[test]
    fn says_what_is_no_kubeconfig() {
        for (contents, part) in [
            (json!({"kind": "Pod"}), "kind: found \"Pod\", expected Config"),
            (json!({"clusters": {}}), "clusters: found no list"),
            (
                json!({"users": [{"name": "a"}, {"name": "a"}]}),
                "users: found the name \"a\" twice",
            ),
        ] {
            let error = tidied(contents).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
