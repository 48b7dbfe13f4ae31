//! The manifests that `operator render` reads.

use std::io::Read;
use std::path::{Path, PathBuf};

use crds::SignerBinding;
use serde_json::Value;

use crate::model::deployment::LiveDeployment;
use crate::yaml;

/// File names that kubectl reads in a folder.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

/// Finds exactly one SignerBinding and its Deployment in the files, and ignores other objects.
pub fn read(files: &[PathBuf]) -> Result<(SignerBinding, Value), String> {
    let mut bindings = vec![];
    let mut deployments = vec![];
    for file in with_folders(files)? {
        for object in objects(&file)? {
            match (object["kind"].as_str(), object["apiVersion"].as_str()) {
                (Some("SignerBinding"), _) => bindings.push((file.clone(), object)),
                (Some("Deployment"), Some("apps/v1")) => deployments.push(object),
                _ => {}
            }
        }
    }
    let (file, given) = match <[_; 1]>::try_from(bindings) {
        Ok([only]) => only,
        Err(others) => {
            return Err(format!(
                "found {} SignerBindings in the files, expected one",
                others.len()
            ));
        }
    };
    let binding: SignerBinding = serde_json::from_value(given.clone())
        .map_err(|error| format!("{}: the SignerBinding cannot be read: {error}", file.display()))?;
    if let Some(field) = unknown(&given["spec"], &binding.spec)? {
        return Err(format!(
            "{}: spec{field}: the SignerBinding has no such field",
            file.display()
        ));
    }
    let deployment = the_one(&binding, namespace(&given), deployments)?;
    Ok((binding, deployment))
}

/// The Deployment that the binding names. An object without a namespace matches any, because `kubectl apply --namespace` sets it.
fn the_one(binding: &SignerBinding, wanted: &str, deployments: Vec<Value>) -> Result<Value, String> {
    let target = &binding.spec.target;
    let (mut near, mut elsewhere) = (vec![], vec![]);
    for deployment in deployments {
        let live = LiveDeployment::new(deployment.clone());
        if !target.selects(live.name(), &live.labels()) {
            continue;
        }
        let found = namespace(&deployment);
        if found == wanted || found.is_empty() || wanted.is_empty() {
            near.push(deployment);
        } else {
            elsewhere.push(found.to_owned());
        }
    }
    let by = match &target.name {
        Some(name) => format!("Deployment {name} (apps/v1), which spec.target.name names"),
        None => "Deployment (apps/v1) that spec.target.selector matches".to_owned(),
    };
    match <[_; 1]>::try_from(near) {
        Ok([only]) => Ok(only),
        Err(none) if none.is_empty() && elsewhere.is_empty() => Err(format!("found no {by}")),
        Err(none) if none.is_empty() => Err(format!(
            "found no {by}, in namespace {wanted} of the binding; it is in {} instead",
            elsewhere.join(", ")
        )),
        Err(several) => {
            let several: Vec<_> = several.iter().map(named).collect();
            Err(format!(
                "found several Deployments in the files that the binding names, expected one: {}; give one of them at a \
                time, and set metadata.namespace on each of these objects",
                several.join(", ")
            ))
        }
    }
}

fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

fn named(deployment: &Value) -> String {
    let name = deployment["metadata"]["name"].as_str().unwrap_or_default();
    match namespace(deployment) {
        "" => format!("{name} (without a namespace)"),
        namespace => format!("{namespace}/{name}"),
    }
}

/// The path of the first field that is in the file but was not read. It is probably misspelt and would have no effect.
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

/// Replaces a folder by its manifests, sorted by name.
fn with_folders(files: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut all = vec![];
    for file in files {
        if !file.is_dir() {
            all.push(file.clone());
            continue;
        }
        let entries = std::fs::read_dir(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries = entries.map_err(|error| format!("{}: cannot be read: {error}", file.display()))?;
        let is_manifest = |path: &PathBuf| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) && path.is_file()
        };
        let mut found: Vec<_> = entries
            .iter()
            .map(std::fs::DirEntry::path)
            .filter(is_manifest)
            .collect();
        found.sort();
        all.append(&mut found);
    }
    Ok(all)
}

fn objects(file: &Path) -> Result<Vec<Value>, String> {
    let name = file.display();
    let mut bytes = vec![];
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|error| format!("{name}: cannot be read: {error}"))?;
    yaml::objects(&yaml::decode(&bytes)).map_err(|error| format!("{name}: not valid YAML: {error}"))
}
