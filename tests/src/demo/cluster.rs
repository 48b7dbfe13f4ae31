//! Step 1: a Kubernetes API server, started here or named by `DEMO_KUBECONFIG`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;

use super::NAMESPACE;
use super::screen::Screen;
use crate::kubeconfig::Kubeconfig;
use crate::pods::Kubelet;
use crate::process::Directory;
use crate::{ControlPlane, chart};

pub struct Cluster {
    kubelet: Option<Kubelet>,
    /// `None` for an existing cluster.
    plane: Option<ControlPlane>,
    admin: Kubeconfig,
    directory: Directory,
    pub has_nodes: bool,
}

impl Cluster {
    pub async fn found_or_started(screen: &mut Screen) -> Result<Self> {
        let given = std::env::var("DEMO_KUBECONFIG").ok().filter(|value| !value.is_empty());
        let directory = Directory::new()?;
        let (plane, admin) = if let Some(path) = given {
            screen.step("The Kubernetes cluster that DEMO_KUBECONFIG names");
            screen.command(&format!("export KUBECONFIG={path}"));
            (None, Kubeconfig::existing(Path::new(&path)).context("DEMO_KUBECONFIG")?)
        } else {
            screen.step("A real Kubernetes: etcd, kube-apiserver and kube-controller-manager on loopback");
            let plane = ControlPlane::start().await?;
            let admin = plane.admin().clone();
            screen.command(&format!("export KUBECONFIG={}", admin.path().display()));
            (Some(plane), admin)
        };
        screen.command("kubectl version");
        screen.output(&admin.kubectl_ok(&["version"]).await?);
        if plane.is_none() {
            must_be_ours_to_use(&admin).await?;
        }
        let nodes = Api::<Node>::all(admin.client().await?)
            .list(&ListParams::default().limit(1))
            .await?;
        let has_nodes = !nodes.items.is_empty();
        if !has_nodes {
            screen.note("This cluster has no Kubernetes nodes. The demo reports to the API server that the pods run. Everything else is real.");
        }
        Ok(Self {
            kubelet: None,
            plane,
            admin,
            directory,
            has_nodes,
        })
    }

    pub fn admin(&self) -> &Kubeconfig {
        &self.admin
    }

    /// For kubeconfigs and logs.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    pub fn is_ours(&self) -> bool {
        self.plane.is_some()
    }

    /// Process ids of a control plane that was started here.
    pub fn pids(&self) -> Vec<u32> {
        self.plane
            .as_ref()
            .map(|plane| plane.pids().to_vec())
            .unwrap_or_default()
    }

    /// From here on, the pods of the namespace become ready.
    pub async fn let_pods_run(&mut self) -> Result<()> {
        let client = self.admin.client().await?;
        crate::pods::default_account(&client, NAMESPACE).await?;
        if !self.has_nodes {
            self.kubelet = Some(Kubelet::play(client, NAMESPACE));
        }
        Ok(())
    }
}

/// Two operators would write the same objects, and the namespace may contain a real voter.
async fn must_be_ours_to_use(admin: &Kubeconfig) -> Result<()> {
    let deployments = [
        "get",
        "deployments",
        "-n",
        chart::NAMESPACE,
        "--ignore-not-found",
        "-o",
        "name",
    ];
    let running = admin.kubectl_ok(&deployments).await?;
    ensure!(
        running.is_empty(),
        "an operator is installed in namespace {}: uninstall it first",
        chart::NAMESPACE
    );
    let namespace = admin
        .kubectl_ok(&["get", "namespace", NAMESPACE, "--ignore-not-found", "-o", "name"])
        .await?;
    ensure!(
        namespace.is_empty(),
        "namespace {NAMESPACE} exists already: delete it first"
    );
    Ok(())
}
