//! One folder of examples, applied in a namespace of its own as a person would.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::kubeconfig::Answer;
use tests::operated::{Operated, Place, TOKEN, secret};
use tests::{ControlPlane, chart, workspace};
use tokio::sync::OnceCell;

/// Installs the chart with a file of values and starts the operator with the command line that it gives.
pub async fn operated(plane: &'static ControlPlane, values: &str) -> Result<Operated> {
    operated_with(plane, values, &[]).await
}

/// Installs the chart with further arguments of Helm, and starts the operator.
pub async fn operated_with(plane: &'static ControlPlane, values: &str, more: &[&str]) -> Result<Operated> {
    let values = workspace::root().join("examples").join(values).display().to_string();
    let values = [&["--values", values.as_str()], more].concat();
    chart::install(plane.admin(), &values).await?;
    let objects = chart::render(&values).await?;
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment");
    let deployment = deployment.context("the chart renders no Deployment")?;
    let command: Vec<String> =
        serde_json::from_value(deployment["spec"]["template"]["spec"]["containers"][0]["args"].clone())?;
    let arguments: Vec<_> = command.iter().skip(1).map(String::as_str).collect();
    Operated::start(plane, &arguments).await
}

/// The operator of all examples, except examples with their own installation. An example needs further allowed images.
pub async fn shared() -> Result<&'static Operated> {
    static SHARED: OnceCell<Operated> = OnceCell::const_new();
    SHARED
        .get_or_try_init(async || operated(ControlPlane::shared().await?, "kotlin-signer/helm/values.yaml").await)
        .await
}

pub struct Example {
    pub folder: &'static str,
    pub place: Place,
}

impl Example {
    pub async fn new(folder: &'static str) -> Result<Self> {
        Self::of(shared().await?, folder).await
    }

    /// An example with an operator that the test chooses.
    pub async fn of(operated: &'static Operated, folder: &'static str) -> Result<Self> {
        let place = Place::on(operated, "example").await?;
        Ok(Self { folder, place })
    }

    /// An example with the Secret that its comments tell people to create first.
    pub async fn with_token(folder: &'static str) -> Result<Self> {
        let example = Self::new(folder).await?;
        example.token("atto-signer-secrets-1").await?;
        Ok(example)
    }

    /// An example in the namespace that its files name, which may not exist yet.
    pub async fn in_namespace(folder: &'static str, namespace: String) -> Result<Self> {
        Self::on(shared().await?, folder, namespace).await
    }

    pub async fn on(operated: &'static Operated, folder: &'static str, namespace: String) -> Result<Self> {
        let place = Place {
            client: operated.plane.client().await?,
            namespace,
            operated,
        };
        Ok(Self { folder, place })
    }

    pub async fn token(&self, name: &str) -> Result<()> {
        self.place.apply(&secret(name, "SIGNER_SHARED_TOKEN", TOKEN)).await
    }

    pub fn path(&self, file: &str) -> PathBuf {
        workspace::root().join("examples").join(self.folder).join(file)
    }

    pub fn text(&self, file: &str) -> Result<String> {
        Ok(fs::read_to_string(self.path(file))?)
    }

    pub async fn try_apply(&self, file: &Path) -> Result<Answer> {
        let file = file.display().to_string();
        self.place.kubectl(&["apply", "-f", &file], "").await
    }

    pub async fn apply(&self, file: &str) -> Result<()> {
        let answer = self.try_apply(&self.path(file)).await?;
        ensure!(answer.succeeded, "{file}: {}", answer.stderr);
        ensure!(!answer.stderr.contains("Warning"), "{file}: {}", answer.stderr);
        Ok(())
    }

    /// Applies the folder with one command, as a reader would.
    pub async fn apply_all(&self) -> Result<()> {
        self.apply("").await
    }

    /// Waits until the binding reports Injected.
    pub async fn injected(&self) -> Result<()> {
        self.place.condition("Injected", "True", "Injected").await.map(drop)
    }

    /// Approves the plan with the example's command.
    pub async fn approve(&self) -> Result<()> {
        let hash = "jsonpath={.status.plan.hash}";
        let wait = ["wait", "signerbinding/voter", "--timeout=60s", &format!("--for={hash}")];
        self.place.kubectl_ok(&wait).await?;
        let hash = self.place.kubectl_ok(&["get", "sb", "voter", "-o", hash]).await?;
        let approve = format!("signer.atto.cash/approve={hash}");
        let annotate = ["annotate", "signerbinding", "voter", "--overwrite", &approve];
        self.place.kubectl_ok(&annotate).await.map(drop)
    }

    pub async fn object(&self, name: &str) -> Result<Value> {
        let text = self.place.kubectl_ok(&["get", name, "-o", "json"]).await?;
        Ok(serde_json::from_str(&text)?)
    }

    pub async fn has_signer(&self, deployment: &str) -> Result<bool> {
        let deployment = self.object(&format!("deployment/{deployment}")).await?;
        Ok(deployment["spec"]["template"]["spec"]["initContainers"][0]["name"] == "signer")
    }
}
