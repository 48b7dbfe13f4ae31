//! The manifests that `operator render` reads.

use std::io::Read;
use std::path::{Path, PathBuf};

use crds::SignerBinding;
use serde::Deserialize;
use serde_json::Value;

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
    let binding: SignerBinding = serde_json::from_value(document)
        .map_err(|error| format!("{}: the SignerBinding cannot be read: {error}", file.display()))?;
    let Some(name) = binding.spec.target.name.clone() else {
        return Err("spec.target.name: not set; this command renders a binding that names its Deployment".to_owned());
    };
    let found = deployments
        .into_iter()
        .find(|deployment| deployment["metadata"]["name"] == name.as_str())
        .ok_or_else(|| format!("found no Deployment {name} (apps/v1) in the files, which spec.target.name names"))?;
    Ok((binding, found))
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
