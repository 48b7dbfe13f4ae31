//! The checks that people run on charts pass: unit tests with snapshots, the schemas of Kubernetes, the same output twice.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use crds::kubernetes::{NEWEST, OLDEST};
use serde_json::Value;
use tests::chart::{self, folder, generated, schemas, template, value_files};
use tests::helm::helm;
use tests::process::Directory;
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
    // A suite that was not found prints no failure either.
    assert!(said.contains("Charts:      1 passed"), "{said}");
    assert!(!said.contains(" 0 total"), "{said}");
    Ok(())
}

/// kubeconform on standard input, or on a path, with the schemas of this folder.
fn kubeconform(schemas: &Path, input: &str, path: Option<&Path>) -> Result<Output> {
    let mut command = Command::new(assets::kubeconform()?);
    command.args(["-strict", "-summary", "-schema-location", &schemas::location(schemas)]);
    // Argo CD's and Flux's own objects, and files for Helm and kustomize.
    let others = "gitops/(argo-cd|flux)/|/values.yaml$|/kustomization.yaml$|/kustomize-operator/names.yaml$|/kustomize/base/signer-operator.yaml$";
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
    // kubeconform skips objects without a schema.
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
        conforms(&name, &kubeconform(&schemas::folder(), &rendered, None)?);
        let typo = rendered.replace("serviceAccountName", "serviceAcountName");
        assert!(
            !kubeconform(&schemas::folder(), &typo, None)?.status.success(),
            "a typo has passed"
        );
    }
    let examples = workspace::root().join("examples");
    for path in [
        examples,
        generated::install_manifest_path(NEWEST),
        generated::install_manifest_path(OLDEST),
    ] {
        let done = kubeconform(&schemas::folder(), "", Some(&path))?;
        conforms(&path.display().to_string(), &done);
    }
    Ok(())
}

#[tokio::test]
async fn what_it_renders_for_this_api_server_has_the_form_that_it_asks_for() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    let generated = schemas::generate(&plane.client().await?).await?;
    if plane.minor().await? == NEWEST {
        // These are all the schemas that the checks above use.
        for (name, text) in &generated {
            let committed = fs::read_to_string(schemas::folder().join(name)).unwrap_or_default();
            assert!(committed == *text, "{name} is not up to date: run `make schemas`");
        }
        let committed = fs::read_dir(schemas::folder())?.count();
        assert_eq!(
            committed,
            generated.len() + schemas::BY_HAND.len(),
            "files of the schemas"
        );
        return Ok(());
    }
    let of_its_own = Directory::new()?;
    for name in schemas::BY_HAND {
        fs::copy(schemas::folder().join(name), of_its_own.path().join(name))?;
    }
    for (name, text) in generated {
        fs::write(of_its_own.path().join(name), text)?;
    }
    let version = format!("--kube-version={}", chart::version(plane.admin()).await?);
    for file in value_files()? {
        let name = file.display().to_string();
        let rendered = template(&[&version, "--values", &name]).await?;
        conforms(&name, &kubeconform(of_its_own.path(), &rendered, None)?);
    }
    Ok(())
}

#[tokio::test]
async fn helm_lints_it_with_every_set_of_values() -> Result<()> {
    let chart = folder().display().to_string();
    for file in value_files()? {
        let said = helm(&["lint", "--strict", &chart, "--values", &file.display().to_string()]).await?;
        // Helm reports recommendations, such as an icon, as information.
        ensure!(!said.contains("[INFO]"), "{}: {said}", file.display());
    }
    Ok(())
}

/// The value of an annotation, which is YAML itself.
fn annotation(chart: &Value, name: &str) -> Result<Vec<Value>> {
    let text = chart["annotations"][format!("artifacthub.io/{name}")].as_str();
    serde_yaml::from_str(text.with_context(|| format!("no annotation {name}"))?).context("an annotation is no list")
}

#[tokio::test]
async fn what_artifact_hub_shows_is_what_is_installed() -> Result<()> {
    let chart: Value = serde_yaml::from_str(&fs::read_to_string(folder().join("Chart.yaml"))?)?;
    for field in ["icon", "home", "description", "sources", "maintainers", "keywords"] {
        ensure!(!chart[field].is_null(), "no {field}");
    }
    for name in ["changes", "links"] {
        ensure!(!annotation(&chart, name)?.is_empty(), "no {name}");
    }
    let rendered = template(&[]).await?;
    for image in annotation(&chart, "images")? {
        let image = image["image"].as_str().context("an image without a name")?;
        ensure!(rendered.contains(&format!("{image}\"")), "{image} is not installed");
    }
    let crd: Value = serde_yaml::from_str(&fs::read_to_string(folder().join("files/signerbindings.yaml"))?)?;
    let shown = annotation(&chart, "crds")?;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["name"], crd["metadata"]["name"]);
    assert_eq!(shown[0]["kind"], crd["spec"]["names"]["kind"]);
    assert_eq!(shown[0]["version"], crd["spec"]["versions"][0]["name"]);
    let examples = annotation(&chart, "crdsExamples")?;
    ensure!(!examples.is_empty(), "no example");
    for example in examples {
        conforms(
            "crdsExamples",
            &kubeconform(&schemas::folder(), &example.to_string(), None)?,
        );
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
