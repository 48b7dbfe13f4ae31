//! No install, upgrade or uninstallation, by Helm or with `charts/install.yaml`, makes a voter lose its signer.

mod kustomized;
mod releases;

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;
use tests::hold::can_hold;
use tests::operated::{self, Operated, Place, SOON, VOTER};
use tests::pods::Kubelet;
use tests::{ControlPlane, Kubeconfig, chart, eventually, operator_process};

const RELEASE: &str = "signer-operator";

async fn helm(cluster: &ControlPlane, namespace: &str, arguments: &[&str]) -> Result<String> {
    let admin = cluster.admin();
    admin.helm(&[arguments, &["--namespace", namespace]].concat()).await
}

async fn install(cluster: &ControlPlane, namespace: &str, arguments: &[&str]) -> Result<String> {
    let folder = chart::folder().display().to_string();
    let install = ["install", RELEASE, &folder, "--create-namespace"];
    helm(cluster, namespace, &[&install[..], arguments].concat()).await
}

/// Installs the file for clusters of this minor version, as the page says.
async fn apply_manifest(cluster: &ControlPlane, minor: u32) -> Result<()> {
    let path = chart::generated::install_manifest_path(minor).display().to_string();
    let apply = ["apply", "--server-side", "--validate=strict", "-f", &path];
    cluster.admin().kubectl_ok(&apply).await.map(drop)
}

/// Runs preflight as the operator that a release or a manifest has installed.
async fn preflight(cluster: &ControlPlane) -> Result<(Option<i32>, String)> {
    let account = cluster
        .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
        .await?;
    let namespace = format!("--lease-namespace={}", chart::NAMESPACE);
    operator_process::command(&account, &["preflight", &namespace]).await
}

/// Whether the guard refuses to let a user who may do everything start the voter without its signer.
async fn is_guarded(place: &Place, who: &Kubeconfig) -> Result<()> {
    let replace = [
        "--namespace",
        &place.namespace,
        "replace",
        "--dry-run=server",
        "-f",
        "-",
    ];
    let answer = who
        .kubectl_in(Path::new("."), &replace, &operated::voter().to_string())
        .await?;
    ensure!(
        answer.stderr.contains("without its signer"),
        "{}{}",
        answer.stdout,
        answer.stderr
    );
    Ok(())
}

/// The present voter: its Deployment's spec and generation, and the names of its pods.
async fn voter(place: &Place) -> Result<(Value, Value, String)> {
    let deployment = place.deployment().await?;
    let pods = place.kubectl_ok(&["get", "pods", "-o", "name"]).await?;
    ensure!(!pods.is_empty(), "no pods");
    Ok((
        deployment["spec"].clone(),
        deployment["metadata"]["generation"].clone(),
        pods,
    ))
}

/// The leftovers of the release.
async fn left(cluster: &ControlPlane) -> Result<String> {
    let kinds = "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings,\
                 customresourcedefinitions,deployments,services,serviceaccounts,roles,rolebindings,poddisruptionbudgets,pods";
    let mut kinds = kinds.to_owned();
    if can_hold(cluster).await? {
        kinds += ",mutatingadmissionpolicies,mutatingadmissionpolicybindings";
    }
    let label = format!("app.kubernetes.io/instance={RELEASE}");
    let get = [
        "get",
        &kinds,
        "-n",
        chart::NAMESPACE,
        "-l",
        &label,
        "-o",
        "name",
        "--ignore-not-found",
    ];
    cluster.admin().kubectl_ok(&get).await
}

#[tokio::test]
async fn voters_keep_their_signers_through_upgrade_uninstall_and_another_installation() -> Result<()> {
    let cluster: &'static ControlPlane = Box::leak(Box::new(ControlPlane::start().await?));
    let notes = install(cluster, chart::NAMESPACE, &[]).await?;
    assert!(notes.contains("is installed in namespace signer-operator"), "{notes}");

    let operated: &'static Operated = Box::leak(Box::new(Operated::start(cluster, &[]).await?));
    let place = Place::on(operated, "kept").await?;
    let _kubelet = Kubelet::play(cluster.client().await?, &place.namespace);
    place.injected().await?;
    place.condition("RolledOut", "True", "RolledOut").await?;
    let before = voter(&place).await?;

    let folder = chart::folder().display().to_string();
    helm(
        cluster,
        chart::NAMESPACE,
        &["upgrade", RELEASE, &folder, "--set=logLevel=debug"],
    )
    .await?;
    operated.stop()?;
    helm(cluster, chart::NAMESPACE, &["uninstall", RELEASE]).await?;
    eventually(SOON, "the end of the release", async || {
        let left = left(cluster).await?;
        let crd = "customresourcedefinition.apiextensions.k8s.io/signerbindings.signer.atto.cash";
        ensure!(left.trim() == crd, "{left}");
        Ok(())
    })
    .await?;
    assert_eq!(place.binding().await?.spec.target.name.as_deref(), Some(VOTER));
    assert_eq!(voter(&place).await?, before);

    // The kept objects do not prevent a new installation.
    install(cluster, chart::NAMESPACE, &[]).await?;
    helm(cluster, chart::NAMESPACE, &["uninstall", RELEASE]).await?;
    eventually(SOON, "the end of the second release", async || {
        ensure!(left(cluster).await?.lines().count() == 1, "not yet");
        Ok(())
    })
    .await?;
    apply_manifest(cluster, cluster.minor().await?).await?;
    let again = Operated::start(cluster, &[]).await?;
    let (code, said) = preflight(cluster).await?;
    assert_eq!(code, Some(0), "{said}");
    // If this Kubernetes cannot hold Deployments, kubectl warns.
    if !can_hold(cluster).await? {
        assert!(
            said.contains("ok: creation: signer-operator-guard-creation warns"),
            "{said}"
        );
    }
    place.condition("Ready", "True", "Ready").await?;
    assert_eq!(voter(&place).await?, before);
    again.stop()
}

mod from_kubernetes_1_36 {
    use crds::kubernetes::{NEWEST, OLDEST};

    use super::*;

    #[tokio::test]
    async fn the_file_for_older_clusters_gives_way_to_the_other() -> Result<()> {
        let cluster = ControlPlane::start().await?;
        for (minor, creation, keeping) in [
            (OLDEST, "ok: creation: signer-operator-guard-creation warns", "WARNING"),
            (NEWEST, "ok: creation: ", "ok"),
        ] {
            apply_manifest(&cluster, minor).await?;
            let (code, said) = preflight(&cluster).await?;
            assert_eq!(code, Some(0), "{said}");
            let keeping = format!("{keeping}: empty keys of manifests");
            assert!(said.contains(creation) && said.contains(&keeping), "{said}");
        }
        // As the page says.
        let warning = "validatingadmissionpolicy,validatingadmissionpolicybinding";
        let delete = ["delete", warning, "signer-operator-guard-creation"];
        cluster.admin().kubectl_ok(&delete).await?;
        let (code, said) = preflight(&cluster).await?;
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains("ok: creation: signer-operator-guard-creation holds\n"),
            "{said}"
        );
        Ok(())
    }
}
