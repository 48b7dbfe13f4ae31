//! The signer accepts every spec that the schema accepts. Otherwise the signer would exit because of a setting, and the
//! voter would not start.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use operator::commands::render::render;
use operator::model::settings::Settings;
use serde_json::{Value, json};
use tests::process::Directory;
use tests::signer_process::{KEY, TOKEN, run};

use crate::cluster::{Change, binding};
use crate::{keys, valid};

/// The path at which the operator mounts the files of the signer's container.
const MOUNTED: &str = "/var/run/secrets/signer.atto.cash";

/// An invalid setting that no binding has. The signer reports all errors at once, so this one ends it before it sends a
/// request to a key service. It must be the only error.
const WRONG: (&str, &str) = ("ATTO_SIGNER_THREADS", "none");

#[tokio::test(flavor = "multi_thread")]
async fn the_signer_takes_each_setting_of_a_valid_spec() -> Result<()> {
    let files = Directory::new()?;
    let mounted = files.path().join("mounted");
    fs::create_dir_all(mounted.join("identity"))?;
    fs::create_dir_all(mounted.join("ca"))?;
    fs::write(mounted.join("identity/token"), "a token, which nobody reads here")?;
    let authority = rcgen::generate_simple_self_signed(["vault.example.com".to_owned()])?;
    fs::write(mounted.join("ca/ca.crt"), authority.cert.pem())?;
    let mut wrong = Vec::new();
    for (name, change) in valid::changes().into_iter().chain(keys::valid()) {
        let told = told(&change, files.path(), &mounted).with_context(|| name.to_owned())?;
        let mut lines = told.lines();
        let is_right = lines.next().is_some_and(|line| line.starts_with(WRONG.0)) && lines.next().is_none();
        if !is_right {
            wrong.push(format!("{name}: {told}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// The output of a signer that is started with the operator's rendering.
fn told(change: &Change, folder: &Path, mounted: &Path) -> Result<String> {
    let mut asked = binding("voter", change);
    asked["spec"]["target"] = json!({"name": "atto-voter"});
    let settings = Settings {
        signer_image: "registry.example/signer:1".to_owned(),
        allowed_signer_images: ["registry.example/signer", "ghcr.io/attocash/", "localhost:5000/signer"]
            .map(str::to_owned)
            .into(),
        ..Settings::default()
    };
    let manifest = folder.join("manifest.yaml");
    fs::write(&manifest, format!("{asked}\n---\n{}", deployment()))?;
    let rendered = render(&[manifest], &settings).map_err(anyhow::Error::msg)?;
    let rendered: Value = serde_yaml::from_str(&rendered)?;
    let signer = &rendered["spec"]["template"]["spec"]["initContainers"][0];
    ensure!(signer["name"] == "signer", "{rendered}");
    let mut variables: Vec<(String, String)> = Vec::new();
    for entry in signer["env"].as_array().into_iter().flatten() {
        let name = entry["name"].as_str().unwrap_or_default();
        let value = match (entry["value"].as_str(), name) {
            (Some(value), _) => value.replace(MOUNTED, &mounted.to_string_lossy()),
            (None, "ATTO_SIGNER_TOKEN") => TOKEN.to_owned(),
            (None, "ATTO_SIGNER_KEY") => KEY.to_owned(),
            (None, _) => String::new(),
        };
        variables.push((name.to_owned(), value));
    }
    let variables = variables.iter().map(|(name, value)| (&**name, &**value));
    let output = run(&[], &variables.chain([WRONG]).collect::<Vec<_>>())?;
    ensure!(output.status.code() == Some(78), "{output:?}");
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "atto-voter"},
        "spec": {"selector": {"matchLabels": {"app": "voter"}}, "template": {
            "metadata": {"labels": {"app": "voter"}},
            "spec": {"serviceAccountName": "voter", "containers": [{"name": "node", "image": "node:1"}]},
        }},
    })
}
