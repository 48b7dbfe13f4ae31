//! The chart, installed once in the control plane of a test binary.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{ControlPlane, Kubeconfig, chart};
use tokio::sync::OnceCell;

pub struct Installed {
    pub cluster: &'static ControlPlane,
    /// The identity of the operator's service account.
    pub operator: Kubeconfig,
}

impl Installed {
    /// Applies the rendered chart, in a namespace that enforces the Pod Security level `restricted`.
    pub async fn shared() -> Result<&'static Self> {
        static INSTALLED: OnceCell<Installed> = OnceCell::const_new();
        INSTALLED.get_or_try_init(Self::install).await
    }

    async fn install() -> Result<Self> {
        let cluster = ControlPlane::shared().await?;
        let admin = cluster.admin();
        admin.kubectl_ok(&["create", "namespace", chart::NAMESPACE]).await?;
        let enforce = "pod-security.kubernetes.io/enforce=restricted";
        admin
            .kubectl_ok(&["label", "namespace", chart::NAMESPACE, enforce])
            .await?;
        let apply = ["apply", "--server-side", "--validate=strict", "-f", "-"];
        let version = format!("--kube-version={}", chart::version(admin).await?);
        let list = json!({"apiVersion": "v1", "kind": "List", "items": chart::render(&[&version]).await?});
        let answer = admin.kubectl_in(Path::new("."), &apply, &list.to_string()).await?;
        ensure!(answer.succeeded, "the chart is refused: {}", answer.stderr);
        let operator = cluster
            .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
            .await?;
        Ok(Self { cluster, operator })
    }
}
