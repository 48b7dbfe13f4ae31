//! The cluster of a run: the one of `KUBECONFIG`; otherwise one that kind creates if Docker is available; otherwise a Kubernetes
//! node on this computer.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::Kubeconfig;
use crate::control_plane::ControlPlane;
use crate::node::{ADDRESS, Machine, Nodes};
use crate::process::Directory;

const KIND: &str = "atto-e2e";
/// Two nodes for pods, in two zones.
const KIND_CONFIG: &str = "\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
  - role: control-plane
  - role: worker
    labels: {topology.kubernetes.io/zone: zone-1}
  - role: worker
    labels: {topology.kubernetes.io/zone: zone-2}
";

/// A cluster, and how images get into it. Fields are in the order in which they end.
pub enum Place {
    /// An existing cluster.
    Given { kubeconfig: Kubeconfig, load: Load },
    /// Created by kind for this run.
    Kind { kubeconfig: Kubeconfig },
    /// Nodes on this computer, created for this run.
    Own {
        nodes: Box<Nodes>,
        plane: Box<ControlPlane>,
    },
}

/// How images get into an existing cluster.
pub struct Load {
    /// A shell command with the archive of an image as `$1`, and its name as `$2`.
    command: String,
    /// Prefix of the images' names.
    repository: String,
}

impl Place {
    /// Uses or creates a cluster. `pause` packs the pause image, which only the node on this computer lacks.
    ///
    /// # Errors
    /// Names what is missing.
    pub async fn find(folder: &Directory, pause: impl FnOnce() -> Result<PathBuf>) -> Result<Self> {
        if let Some(given) = env::var_os("KUBECONFIG").filter(|given| !given.is_empty()) {
            return Self::given(folder.path(), given).await;
        }
        if succeeds("docker", &["info"]).await && succeeds("kind", &["version"]).await {
            return Self::kind(folder.path()).await;
        }
        Self::own(pause).await
    }

    /// A Kubernetes node on this computer.
    ///
    /// # Errors
    /// Names what is missing on this computer.
    pub async fn own(pause: impl FnOnce() -> Result<PathBuf>) -> Result<Self> {
        let machine = Machine::take()?;
        let plane = Box::new(ControlPlane::start_at(ADDRESS).await?);
        let nodes = Box::new(Nodes::start(&plane, machine, &[pause()?]).await?);
        Ok(Self::Own { nodes, plane })
    }

    async fn given(folder: &Path, kubeconfig: OsString) -> Result<Self> {
        let command = env::var("E2E_LOAD").unwrap_or_default();
        ensure!(
            !command.is_empty(),
            "KUBECONFIG names a cluster, and no variable says how to upload images. Set E2E_LOAD to a command that takes an archive as \
             \"$1\" and its name as \"$2\", for instance E2E_LOAD='kind load image-archive \"$1\"' or E2E_LOAD='skopeo copy \
             oci-archive:\"$1\" docker://\"$2\"' with E2E_REPOSITORY=registry.example.com/e2e; or unset KUBECONFIG"
        );
        let repository = env::var("E2E_REPOSITORY").ok().filter(|name| !name.is_empty());
        // A copy, because kubectl stores cluster data next to it.
        let path = folder.join("kubeconfig");
        let view = ["config", "view", "--raw", "--flatten", "--minify"];
        let text = Kubeconfig::of_environment(&view, &kubeconfig).await?;
        std::fs::write(&path, text)?;
        Ok(Self::Given {
            kubeconfig: Kubeconfig::existing(&path)?,
            load: Load {
                command,
                repository: repository.unwrap_or_else(|| "localhost".to_owned()),
            },
        })
    }

    async fn kind(folder: &Path) -> Result<Self> {
        let (path, config) = (folder.join("kubeconfig"), folder.join("kind.yaml"));
        std::fs::write(&config, KIND_CONFIG)?;
        let mut command = Command::new("kind");
        command.args(["create", "cluster", "--name", KIND, "--wait=3m"]);
        command.arg("--kubeconfig").arg(&path).arg("--config").arg(&config);
        if let Some(image) = env::var_os("E2E_KIND_IMAGE").filter(|image| !image.is_empty()) {
            command.arg("--image").arg(image);
        }
        let done = command.output().await.context("cannot run kind")?;
        ensure!(
            done.status.success(),
            "kind create cluster: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        let kubeconfig = Kubeconfig::existing(&path)?;
        Ok(Self::Kind { kubeconfig })
    }

    /// For a user who may do everything.
    pub fn admin(&self) -> &Kubeconfig {
        match self {
            Self::Given { kubeconfig, .. } | Self::Kind { kubeconfig } => kubeconfig,
            Self::Own { plane, .. } => plane.admin(),
        }
    }

    /// Prefix of the images' names.
    pub fn repository(&self) -> &str {
        match self {
            Self::Given { load, .. } => &load.repository,
            Self::Kind { .. } | Self::Own { .. } => "localhost",
        }
    }

    /// For `E2E_LOAD`.
    pub fn load_command(&self) -> String {
        match self {
            Self::Given { load, .. } => load.command.clone(),
            Self::Kind { .. } => format!("kind load image-archive \"$1\" --name {KIND}"),
            Self::Own { nodes, .. } => nodes.import_command(),
        }
    }

    /// Whether it ends with the run.
    pub fn ends_with_the_run(&self) -> bool {
        !matches!(self, Self::Given { .. })
    }

    /// Whether the cluster certainly enforces NetworkPolicies.
    pub fn has_to_enforce_policies(&self) -> bool {
        matches!(self, Self::Own { .. })
    }

    /// Loads an image onto the cluster's nodes.
    pub async fn load(&self, archive: &Path, name: &str) -> Result<()> {
        let done = Command::new("sh")
            .args(["-c", &self.load_command(), "E2E_LOAD"])
            .arg(archive)
            .arg(name)
            .stdin(Stdio::null())
            .output()
            .await?;
        ensure!(
            done.status.success(),
            "the image {name} was not loaded into the cluster: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if matches!(self, Self::Kind { .. }) {
            // kind reports a cluster that cannot be deleted.
            let _ = std::process::Command::new("kind")
                .args(["delete", "cluster", "--name", KIND])
                .status();
        }
    }
}

async fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let done = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    done.await.is_ok_and(|status| status.success())
}
