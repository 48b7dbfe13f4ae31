//! The chart, as Helm renders it: the one source of the operator's permissions, also for tests and demo.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize as _;
use serde_json::Value;
use tokio::process::Command;

use crate::kubeconfig::Kubeconfig;
use crate::{assets, workspace};

/// Where [`install`] puts the operator's service account.
pub const NAMESPACE: &str = "signer-operator";

/// The operator's service account, as the chart calls it.
pub const SERVICE_ACCOUNT: &str = "signer-operator";

/// The operator's user name at the API server.
pub const OPERATOR: &str = "system:serviceaccount:signer-operator:signer-operator";

/// Every object that `helm template` renders for a release `signer-operator`, with these further arguments.
///
/// # Errors
/// With what Helm says when it refuses.
pub async fn render(arguments: &[&str]) -> Result<Vec<Value>> {
    let helm = tokio::task::spawn_blocking(assets::helm).await??;
    let chart = workspace::root().join("charts/signer-operator");
    let done = Command::new(helm)
        .args(["template", "signer-operator"])
        .arg(chart)
        .args(["--namespace", NAMESPACE])
        .args(arguments)
        .kill_on_drop(true)
        .output()
        .await
        .context("cannot run helm")?;
    ensure!(
        done.status.success(),
        "helm template: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    let objects = serde_yaml::Deserializer::from_slice(&done.stdout).map(Value::deserialize);
    let objects = objects
        .collect::<Result<Vec<_>, _>>()
        .context("helm template printed no YAML")?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

/// Installs what the chart renders: CRD, roles, service account, guard. The operator's Deployment and Service stay out,
/// because the operator runs beside the cluster, as a process that can be watched. Returns what kubectl printed.
pub async fn install(admin: &Kubeconfig, arguments: &[&str]) -> Result<String> {
    let mut objects = render(arguments).await?;
    objects.retain(|object| object["kind"] != "Deployment" && object["kind"] != "Service");
    let namespace = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    objects.insert(0, namespace);
    let printed = apply(admin, &objects).await?;
    let established = [
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        "crd/signerbindings.signer.atto.cash",
    ];
    admin.kubectl_ok(&established).await?;
    Ok(printed)
}

async fn apply(admin: &Kubeconfig, objects: &[Value]) -> Result<String> {
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
    let command = ["apply", "--server-side", "--field-manager=helm", "-f", "-"];
    let answer = admin.kubectl_in(Path::new("."), &command, &list).await?;
    if !answer.succeeded {
        bail!("the chart is refused: {}", answer.stderr);
    }
    Ok(answer.stdout)
}
