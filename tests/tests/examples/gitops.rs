//! The GitOps layout: a Deployment stays injected although the tools apply its manifest repeatedly, and the tools' own
//! objects name existing files.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde::Deserialize as _;
use serde_json::{Value, json};
use tests::chart;
use tests::kubeconfig::Answer;
use tests::workspace;

use crate::support::Example;

/// As Argo CD (with `ServerSideApply`) and Flux do.
async fn synced(example: &Example, manager: &str) -> Result<Answer> {
    let folder = workspace::root().join("examples/gitops/voter").display().to_string();
    let manager = format!("--field-manager={manager}");
    let apply = ["apply", "--server-side", "--force-conflicts", &manager, "-k", &folder];
    example.place.kubectl(&apply, "").await
}

#[tokio::test]
async fn a_tool_that_applies_again_leaves_the_signer_where_it_is() -> Result<()> {
    for manager in ["argocd-controller", "kustomize-controller"] {
        let example = Example::with_token("gitops/voter").await?;
        let answer = synced(&example, manager).await?;
        ensure!(answer.succeeded, "{}", answer.stderr);
        example.injected().await?;
        let before = example.object("deployment/atto-voter").await?;
        for _ in 0..3 {
            let answer = synced(&example, manager).await?;
            ensure!(answer.succeeded, "{}", answer.stderr);
        }
        let after = example.object("deployment/atto-voter").await?;
        assert_eq!(
            before["metadata"]["generation"], after["metadata"]["generation"],
            "{manager}"
        );
        assert_eq!(before["spec"], after["spec"], "{manager}");
    }
    Ok(())
}

fn objects(file: &str) -> Result<Vec<Value>> {
    let text = fs::read_to_string(workspace::root().join("examples/gitops").join(file))?;
    let objects = serde_yaml::Deserializer::from_str(&text).map(Value::deserialize);
    Ok(objects.collect::<Result<_, _>>()?)
}

fn is_there(path: &Value, file: &str) -> Result<()> {
    let path = workspace::root().join(path.as_str().context("no path")?);
    ensure!(path.join(file).is_file(), "no {file} in {}", path.display());
    Ok(())
}

#[test]
fn their_objects_name_folders_and_a_version_that_are_there() -> Result<()> {
    let argo = [
        &objects("argo-cd/operator.yaml")?[0],
        &objects("argo-cd/voter.yaml")?[0],
    ]
    .map(|app| app["spec"].clone());
    is_there(&argo[0]["source"]["path"], "Chart.yaml")?;
    is_there(&argo[1]["source"]["path"], "kustomization.yaml")?;
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    assert_eq!(argo[0]["source"]["targetRevision"], version);
    assert_eq!(argo[0]["destination"]["namespace"], chart::NAMESPACE);
    for ignored in argo[1]["ignoreDifferences"].as_array().context("nothing is ignored")? {
        assert_eq!(ignored["managedFieldsManagers"], json!(["signer-operator"]));
    }

    let operator = objects("flux/operator.yaml")?;
    assert_eq!(operator[0]["spec"]["ref"]["tag"], version);
    let source = &operator[1]["spec"]["chart"]["spec"];
    is_there(&source["chart"], "Chart.yaml")?;
    assert_eq!(source["sourceRef"]["name"], operator[0]["metadata"]["name"]);
    let [kustomization, source, namespace] = &objects("flux/voter.yaml")?[..] else {
        anyhow::bail!("flux/voter.yaml has other objects");
    };
    let spec = &kustomization["spec"];
    assert_eq!(spec["sourceRef"]["kind"], source["kind"]);
    assert_eq!(spec["sourceRef"]["name"], source["metadata"]["name"]);
    assert_eq!(spec["targetNamespace"], namespace["metadata"]["name"]);
    is_there(&spec["path"], "kustomization.yaml")
}
