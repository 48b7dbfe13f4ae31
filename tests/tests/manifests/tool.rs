//! The tools that apply a manifest.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use tests::operated::{Place, VOTER};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `kubectl apply`.
    Kubectl,
    /// Argo CD by default: `kubectl apply` with its own field manager.
    ArgoByPatch,
    /// The three-way patch of Helm 3, which Helm 4 still has.
    Helm3,
    ServerSide,
    /// Argo CD with `ServerSideApply=true`.
    Argo,
    Flux,
    Helm4,
}

impl Tool {
    pub const ALL: [Self; 7] = [
        Self::Kubectl,
        Self::ArgoByPatch,
        Self::Helm3,
        Self::ServerSide,
        Self::Argo,
        Self::Flux,
        Self::Helm4,
    ];

    /// Whether it computes the change itself, from manifest and live object.
    pub fn computes_a_patch(self) -> bool {
        matches!(self, Self::Kubectl | Self::ArgoByPatch | Self::Helm3)
    }

    /// Applies the manifest to the cluster.
    pub async fn apply(self, place: &Place, manifest: &Value) -> Result<()> {
        match self {
            Self::Kubectl => kubectl(place, manifest, &[]).await,
            Self::ArgoByPatch => kubectl(place, manifest, &["--field-manager=argocd-controller"]).await,
            Self::ServerSide => kubectl(place, manifest, &["--server-side"]).await,
            Self::Argo => by_force(place, manifest, "--field-manager=argocd-controller").await,
            Self::Flux => by_force(place, manifest, "--field-manager=kustomize-controller").await,
            Self::Helm3 => helm(place, manifest, "--server-side=false").await,
            Self::Helm4 => helm(place, manifest, "--server-side=true").await,
        }
    }
}

pub async fn kubectl(place: &Place, manifest: &Value, arguments: &[&str]) -> Result<()> {
    let command = [&["apply", "-f", "-"], arguments].concat();
    let answer = place.kubectl(&command, &manifest.to_string()).await?;
    ensure!(answer.succeeded, "{command:?}: {}", answer.stderr);
    Ok(())
}

async fn by_force(place: &Place, manifest: &Value, manager: &str) -> Result<()> {
    kubectl(place, manifest, &["--server-side", "--force-conflicts", manager]).await
}

async fn helm(place: &Place, manifest: &Value, how: &str) -> Result<()> {
    let chart = chart_of(place, manifest)?.display().to_string();
    let upgrade = [
        "upgrade",
        "--install",
        VOTER,
        &chart,
        how,
        "--namespace",
        &place.namespace,
    ];
    match place.operated.plane.admin().helm(&upgrade).await {
        Ok(_) => Ok(()),
        Err(error) => bail!("helm upgrade {how}: {error:#}"),
    }
}

/// A chart with only the manifest.
fn chart_of(place: &Place, manifest: &Value) -> Result<PathBuf> {
    let folder = place.operated.plane.directory().path().join(&place.namespace);
    std::fs::create_dir_all(folder.join("templates"))?;
    let chart = json!({"apiVersion": "v2", "name": VOTER, "version": "1.0.0"});
    std::fs::write(folder.join("Chart.yaml"), chart.to_string())?;
    std::fs::write(folder.join("templates/voter.yaml"), manifest.to_string())?;
    Ok(folder)
}
