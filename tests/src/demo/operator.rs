//! Step 2: the operator, with exactly the chart's permissions.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::Demo;
use crate::operator_process::OperatorProcess;
use crate::{Kubeconfig, chart, workspace};

pub async fn start(demo: &mut Demo) -> Result<()> {
    let screen = &mut demo.screen;
    screen.step("The operator, with the rights that its chart grants and no others");
    screen.note(
        "The chart with its default values, except the operator's Deployment: the operator runs as a process on this computer.",
    );
    let manifest = manifest(demo.cluster.admin()).await?;
    screen.command(&format!("kubectl apply --server-side -f {}", shown(&manifest)?));
    let printed = chart::install_from(demo.cluster.admin(), &manifest).await?;
    screen.output(&printed);
    ensure!(
        printed.contains("signerbindings.signer.atto.cash"),
        "the chart brings no CustomResourceDefinition"
    );

    for (question, expected) in [
        ("patch deployments.apps", "yes"),
        ("list secrets", "no"),
        ("create deployments.apps", "no"),
    ] {
        let answer = demo
            .kubectl(&format!("auth can-i {question} --as={}", chart::OPERATOR))
            .await?;
        ensure!(
            answer.stdout.trim() == expected,
            "may the operator {question}? {}",
            answer.stdout.trim()
        );
    }
    let directory = demo.cluster.directory();
    let account = demo
        .cluster
        .admin()
        .for_service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT, directory.path());
    let kubeconfig = account.await?;
    let operator = OperatorProcess::start_as(&kubeconfig, directory, &[]).await?;
    let (file, port) = (kubeconfig.path().display(), operator.admin_port());
    demo.screen.command(&format!(
        "KUBECONFIG={file} operator run --admin-address=127.0.0.1:{port}"
    ));
    demo.screen.output(&format!(
        "it is ready: its kubeconfig holds a token of {}",
        chart::OPERATOR
    ));
    demo.operator = Some(operator);
    Ok(())
}

/// The file for this cluster's version.
pub async fn manifest(admin: &Kubeconfig) -> Result<PathBuf> {
    Ok(chart::generated::install_manifest_path(admin.minor().await?))
}

/// The manifest as a person at the root of the repository names it.
pub fn shown(manifest: &Path) -> Result<String> {
    Ok(manifest.strip_prefix(workspace::root())?.display().to_string())
}
