//! The chart, rendered by Helm: the only source of the operator's permissions, also for tests and demo.

mod before;
pub mod generated;
pub mod schemas;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize as _;
use serde_json::Value;

pub use before::before;

use crate::kubeconfig::Kubeconfig;
use crate::{helm, workspace};

/// The namespace in which [`install`] creates the operator's service account.
pub const NAMESPACE: &str = "signer-operator";

/// The name of the operator's service account in the chart.
pub const SERVICE_ACCOUNT: &str = "signer-operator";

/// The operator's user name at the API server.
pub const OPERATOR: &str = "system:serviceaccount:signer-operator:signer-operator";

/// Kinds that only kubelets and other controllers use.
const OF_NO_USE_WITHOUT_NODES: [&str; 4] = ["Deployment", "Service", "Pod", "PodDisruptionBudget"];

/// The chart's folder.
pub fn folder() -> PathBuf {
    workspace::root().join("charts/signer-operator")
}

/// The files of `ci/`: realistic combinations of values.
///
/// # Errors
/// If the folder cannot be read, or is empty.
pub fn value_files() -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder().join("ci"))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    ensure!(!files.is_empty(), "the chart's ci/ is empty");
    Ok(files)
}

/// The output of `helm template` for a release `signer-operator`, with these additional arguments.
///
/// # Errors
/// With Helm's error.
pub async fn template(arguments: &[&str]) -> Result<String> {
    let folder = folder().display().to_string();
    let template = ["template", "signer-operator", &folder, "--namespace", NAMESPACE];
    helm(&[&template[..], arguments].concat()).await
}

/// Every object that [`template`] renders, the Pod of `helm test` included.
///
/// # Errors
/// With Helm's error.
pub async fn render(arguments: &[&str]) -> Result<Vec<Value>> {
    objects(&template(arguments).await?).context("helm template printed no YAML")
}

/// The objects of a manifest.
fn objects(manifest: &str) -> Result<Vec<Value>> {
    let objects = serde_yaml::Deserializer::from_str(manifest).map(Value::deserialize);
    let objects = objects.collect::<Result<Vec<_>, _>>()?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

/// Installs the objects that the chart renders for the version of this cluster: CRD, roles, service account, guard.
/// Omits the operator's Deployment and its related objects, because the operator runs outside of the cluster as an
/// observable process. Returns kubectl's output.
pub async fn install(admin: &Kubeconfig, arguments: &[&str]) -> Result<String> {
    let version = format!("--kube-version={}", version(admin).await?);
    let mut objects = render(&[&[version.as_str()], arguments].concat()).await?;
    let namespace = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    objects.insert(0, namespace);
    install_objects(admin, objects, &["--field-manager=helm"]).await
}

/// The same with the objects of [`generated::install_manifest_path`], without Helm.
///
/// # Errors
/// If the file cannot be read, or with kubectl's error.
pub async fn install_from(admin: &Kubeconfig, path: &Path) -> Result<String> {
    let manifest = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    install_objects(admin, objects(&manifest)?, &[]).await
}

async fn install_objects(admin: &Kubeconfig, mut objects: Vec<Value>, arguments: &[&str]) -> Result<String> {
    objects.retain(|object| {
        object["kind"]
            .as_str()
            .is_none_or(|kind| !OF_NO_USE_WITHOUT_NODES.contains(&kind))
    });
    let printed = apply(admin, &objects, arguments).await?;
    let established = [
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "crd/signerbindings.signer.atto.cash",
    ];
    admin.kubectl_ok(&established).await?;
    Ok(printed)
}

/// The version of a cluster, in Helm's format.
///
/// # Errors
/// If the API server does not answer.
pub async fn version(admin: &Kubeconfig) -> Result<String> {
    Ok(admin.client().await?.apiserver_version().await?.git_version)
}

async fn apply(admin: &Kubeconfig, objects: &[Value], arguments: &[&str]) -> Result<String> {
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
    let command = [&["apply", "--server-side", "-f", "-"], arguments].concat();
    let answer = admin.kubectl_in(Path::new("."), &command, &list).await?;
    if !answer.succeeded {
        bail!("the chart is refused: {}", answer.stderr);
    }
    Ok(answer.stdout)
}
