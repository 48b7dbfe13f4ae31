//! The checks that people run on charts pass: unit tests with snapshots, the schemas of Kubernetes, the same output twice.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use tests::chart::{folder, generated, schemas, template, value_files};
use tests::{ControlPlane, assets, workspace};

#[test]
fn its_unit_tests_and_snapshots_hold() -> Result<()> {
    let done = Command::new(assets::helm_unittest()?)
        .args(["--strict", "--color=false"])
        .arg(folder())
        .output()?;
    let said = String::from_utf8_lossy(&done.stdout);
    ensure!(
        done.status.success(),
        "{said}{}\nif it is meant: make snapshots",
        String::from_utf8_lossy(&done.stderr)
    );
    // A suite that was not found says nothing either.
    assert!(said.contains("Charts:      1 passed"), "{said}");
    assert!(!said.contains(" 0 total"), "{said}");
    Ok(())
}

/// kubeconform on standard input, or on a path.
fn kubeconform(input: &str, path: Option<&Path>) -> Result<Output> {
    let mut command = Command::new(assets::kubeconform()?);
    command.args(["-strict", "-summary", "-schema-location", &schemas::location()]);
    // Argo CD's and Flux's own objects, and what Helm and kustomize read.
    let others = "gitops/(argo-cd|flux)/|/values.yaml$|/kustomization.yaml$";
    command.args(["-ignore-filename-pattern", others]);
    command.args(path);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    stdin.write_all(input.as_bytes())?;
    drop(stdin);
    Ok(child.wait_with_output()?)
}

fn conforms(what: &str, done: &Output) {
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{what}: {said}");
    // Skipped is what nobody had a schema for.
    assert!(
        said.contains("Skipped: 0") && !said.contains("Valid: 0"),
        "{what}: {said}"
    );
}

#[tokio::test]
async fn what_it_renders_has_the_form_that_kubernetes_asks_for() -> Result<()> {
    for file in value_files()? {
        let name = file.display().to_string();
        let rendered = template(&["--values", &name]).await?;
        conforms(&name, &kubeconform(&rendered, None)?);
        let typo = rendered.replace("serviceAccountName", "serviceAcountName");
        assert!(!kubeconform(&typo, None)?.status.success(), "a typo has passed");
    }
    conforms("examples", &kubeconform("", Some(&workspace::root().join("examples")))?);
    conforms(
        "install.yaml",
        &kubeconform("", Some(&generated::install_manifest_path()))?,
    );
    Ok(())
}

#[tokio::test]
async fn the_schemas_are_those_of_the_api_server() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    for (name, text) in schemas::generate(&plane.client().await?).await? {
        let committed = fs::read_to_string(schemas::folder().join(&name)).unwrap_or_default();
        assert!(committed == text, "{name} is another one: run `make schemas`");
    }
    Ok(())
}

#[tokio::test]
async fn it_renders_the_same_twice() -> Result<()> {
    for file in value_files()? {
        let values = ["--values", &file.display().to_string()];
        let (once, twice) = (template(&values).await?, template(&values).await?);
        assert!(once == twice, "{} renders otherwise the second time", file.display());
    }
    Ok(())
}
