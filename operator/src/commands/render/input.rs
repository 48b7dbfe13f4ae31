//! The manifests that `operator render` reads.

use std::io::Read;
use std::path::{Path, PathBuf};

use crds::SignerBinding;
use serde::Deserialize;
use serde_json::Value;

use crate::model::deployment::LiveDeployment;

/// Finds exactly one SignerBinding and its Deployment in the files, whatever else is in them.
pub fn read(files: &[PathBuf]) -> Result<(SignerBinding, Value), String> {
    let mut bindings = vec![];
    let mut deployments = vec![];
    for file in files {
        for document in documents(file)? {
            match (document["kind"].as_str(), document["apiVersion"].as_str()) {
                (Some("SignerBinding"), _) => bindings.push((file, document)),
                (Some("Deployment"), Some("apps/v1")) => deployments.push(document),
                _ => {}
            }
        }
    }
    let (file, document) = match bindings.as_slice() {
        [only] => only.clone(),
        others => {
            return Err(format!(
                "found {} SignerBindings in the files, expected one",
                others.len()
            ));
        }
    };
    let given = document.clone();
    let binding: SignerBinding = serde_json::from_value(document)
        .map_err(|error| format!("{}: the SignerBinding cannot be read: {error}", file.display()))?;
    if let Some(field) = unknown(&given["spec"], &binding.spec)? {
        return Err(format!(
            "{}: spec{field}: the SignerBinding has no such field",
            file.display()
        ));
    }
    let target = &binding.spec.target;
    let mut selected = deployments.into_iter().filter(|deployment| {
        let live = LiveDeployment::new(deployment.clone());
        target.selects(live.name(), &live.labels())
            && deployment["metadata"]["namespace"] == given["metadata"]["namespace"]
    });
    match (selected.next(), selected.next(), &target.name) {
        (Some(only), None, _) => Ok((binding, only)),
        (None, _, Some(name)) => Err(format!(
            "found no Deployment {name} (apps/v1) in the namespace of the binding, which spec.target.name names"
        )),
        (None, _, None) => Err(
            "found no Deployment (apps/v1) in the namespace of the binding that spec.target.selector matches"
                .to_owned(),
        ),
        (Some(_), Some(_), _) => Err(
            "found several Deployments in the files that the binding is for, expected one: give one of them at a time"
                .to_owned(),
        ),
    }
}

/// The path of the first field that is in the file and not in what was read of it: misspelt, it would do nothing.
fn unknown(given: &Value, read: &impl serde::Serialize) -> Result<Option<String>, String> {
    let read = serde_json::to_value(read).map_err(|error| error.to_string())?;
    Ok(missing(given, &read))
}

fn missing(given: &Value, read: &Value) -> Option<String> {
    let given = given.as_object()?;
    given.iter().find_map(|(field, value)| match read.get(field) {
        None if value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty) => None,
        None => Some(format!(".{field}")),
        Some(read) => missing(value, read).map(|rest| format!(".{field}{rest}")),
    })
}

fn documents(file: &Path) -> Result<Vec<Value>, String> {
    let name = file.display();
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| format!("{name}: cannot be read: {error}"))?;
    serde_yaml::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).map_err(|error| format!("{name}: not valid YAML: {error}")))
        .filter(|document| !matches!(document, Ok(Value::Null)))
        .collect()
}
