//! The binding names objects by the names that kustomize gives them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize as _;
use serde_json::{Value, json};
use tests::process::Directory;
use tests::{assets, workspace};

const TOKEN: &str = "SIGNER_SHARED_TOKEN=0123456789abcdef0123456789abcdef\n";

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The objects that the real kustomize builds from the example, with another overlay if one is given.
async fn built(overlay: Option<&str>) -> Result<Vec<Value>> {
    let folder = Directory::new()?;
    copy(&workspace::root().join("examples/kustomize"), folder.path())?;
    let of_overlay = folder.path().join("overlay");
    fs::write(of_overlay.join("token.env"), TOKEN)?;
    if let Some(overlay) = overlay {
        fs::write(of_overlay.join("kustomization.yaml"), overlay)?;
    }
    let kubectl = tokio::task::spawn_blocking(assets::kubernetes).await??;
    let output = tokio::process::Command::new(&kubectl.kubectl)
        .arg("kustomize")
        .arg(&of_overlay)
        .output()
        .await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let objects = serde_yaml::Deserializer::from_str(&text).map(Value::deserialize);
    Ok(objects.collect::<Result<_, _>>()?)
}

fn of<'a>(objects: &'a [Value], kind: &str) -> Result<&'a Value> {
    let found = objects.iter().find(|object| object["kind"] == kind);
    found.with_context(|| format!("no {kind}"))
}

#[tokio::test]
async fn prefix_suffix_hash_and_namespace_reach_the_binding() -> Result<()> {
    let objects = built(None).await?;
    let (deployment, secret) = (of(&objects, "Deployment")?, of(&objects, "Secret")?);
    let binding = of(&objects, "SignerBinding")?;
    assert_eq!(deployment["metadata"]["name"], "live-atto-voter-eu");
    let name = secret["metadata"]["name"].as_str().unwrap_or_default();
    assert!(name.starts_with("live-atto-signer-secrets-eu-"), "{name}");
    assert_eq!(binding["spec"]["target"]["name"], deployment["metadata"]["name"]);
    assert_eq!(binding["spec"]["tokenSecretRef"]["name"], name);
    for object in &objects {
        assert_eq!(object["metadata"]["namespace"], "atto", "{object}");
    }
    Ok(())
}

#[tokio::test]
async fn a_selector_a_local_key_and_an_image_follow_as_well() -> Result<()> {
    let overlay = r#"
resources: [../base]
namePrefix: dev-
labels:
  - {pairs: {voter: eu}, includeSelectors: true}
images:
  - {name: ghcr.io/attocash/signer, newName: mirror.example/signer, newTag: "7"}
secretGenerator:
  - {name: atto-signer-secrets, envs: [token.env]}
  - {name: key, literals: [key=x]}
patches:
  - target: {kind: SignerBinding}
    patch: |
      - {op: replace, path: /spec/target, value: {selector: {matchLabels: {app: atto-voter}}}}
      - {op: replace, path: /spec/key, value: {local: {secretRef: {name: key, key: key}}}}
      - {op: add, path: /spec/signer, value: {image: "ghcr.io/attocash/signer:1"}}
"#;
    let objects = built(Some(overlay)).await?;
    let binding = &of(&objects, "SignerBinding")?["spec"];
    let labels = json!({"app": "atto-voter", "voter": "eu"});
    assert_eq!(binding["target"]["selector"]["matchLabels"], labels);
    assert_eq!(of(&objects, "Deployment")?["metadata"]["labels"], labels);
    let key = binding["key"]["local"]["secretRef"]["name"]
        .as_str()
        .unwrap_or_default();
    assert!(key.starts_with("dev-key-"), "{key}");
    assert_eq!(binding["signer"]["image"], "mirror.example/signer:7");
    Ok(())
}
