//! An upgrade from the previous release, two releases with one name, and a release that moves to another namespace.

use anyhow::{Result, ensure};
use tests::operated::{Operated, Place, SOON, VOTER};
use tests::process::Directory;
use tests::{ControlPlane, Kubeconfig, chart, eventually, operator_process};

use super::{RELEASE, apply_manifest, helm, install};

async fn operator(
    cluster: &'static ControlPlane,
    namespace: &str,
    more: &[&str],
) -> Result<(Kubeconfig, &'static Operated)> {
    let account = cluster.service_account(namespace, chart::SERVICE_ACCOUNT).await?;
    let lease = format!("--lease-namespace={namespace}");
    let arguments: Vec<_> = more.iter().copied().chain([lease.as_str()]).collect();
    let operated = Operated::start_as(cluster, &account, &arguments).await?;
    Ok((account, Box::leak(Box::new(operated))))
}

async fn is_guarded(place: &Place) -> Result<()> {
    super::is_guarded(place, place.operated.plane.admin()).await
}

#[tokio::test]
async fn the_release_before_is_upgraded_to_this_one() -> Result<()> {
    let cluster: &'static ControlPlane = Box::leak(Box::new(ControlPlane::start().await?));
    let folder = Directory::new()?;
    let before = chart::before(folder.path())?.display().to_string();
    let (namespace, this) = (chart::NAMESPACE, chart::folder().display().to_string());
    // With a value that is kept, and one that the chart sets.
    let install = [
        "install",
        RELEASE,
        &before,
        "--create-namespace",
        "--set=logLevel=debug",
    ];
    helm(cluster, namespace, &install).await?;
    helm(
        cluster,
        namespace,
        &["upgrade", RELEASE, &this, "--reset-then-reuse-values"],
    )
    .await?;
    let kept = helm(cluster, namespace, &["get", "manifest", RELEASE]).await?;
    ensure!(kept.contains("--log-level=debug"), "{kept}");

    let lease = format!("--lease-namespace={namespace}");
    let (account, operated) = operator(cluster, namespace, &[]).await?;
    let place = Place::on(operated, "upgraded").await?;
    place.injected().await?;
    eventually(SOON, "the guard", async || is_guarded(&place).await).await?;
    let (code, said) = operator_process::command(&account, &["preflight", &lease]).await?;
    ensure!(code == Some(0), "{said}");
    operated.stop()
}

#[tokio::test]
async fn two_releases_of_one_name_serve_namespaces_of_their_own() -> Result<()> {
    let cluster: &'static ControlPlane = Box::leak(Box::new(ControlPlane::start().await?));
    let mut served = vec![];
    for (namespace, crd) in [("team-a", "true"), ("team-b", "false")] {
        let voters = cluster.namespace("voters").await?;
        let watched = format!("--set=watchNamespaces={{{voters}}}");
        let crd = format!("--set=crds.install={crd}");
        install(cluster, namespace, &[&watched, &crd]).await?;
        let scope = format!("--watch-namespaces={voters}");
        let (account, operated) = operator(cluster, namespace, &[&scope]).await?;
        let place = Place::in_namespace(operated, voters).await?;
        place.injected().await?;
        eventually(SOON, "the guard", async || is_guarded(&place).await).await?;
        let lease = format!("--lease-namespace={namespace}");
        let (code, said) = operator_process::command(&account, &["preflight", &lease, &scope]).await?;
        ensure!(code == Some(0), "{said}");
        served.push((operated, place));
    }
    // The operator stops before its rights are removed. Without them, it could not release its Lease.
    served[0].0.stop()?;
    helm(cluster, "team-a", &["uninstall", RELEASE]).await?;
    // The other release is unchanged.
    let (_, second) = &served[1];
    is_guarded(second).await?;
    second.kubectl_ok(&["delete", "service", "voter-signer"]).await?;
    eventually(SOON, "the Service", async || {
        second.kubectl_ok(&["get", "service", "voter-signer"]).await
    })
    .await?;
    served[1].0.stop()
}

#[tokio::test]
async fn a_release_moves_to_another_namespace_and_no_moment_is_without_guard() -> Result<()> {
    let cluster: &'static ControlPlane = Box::leak(Box::new(ControlPlane::start().await?));
    install(cluster, "old", &[]).await?;
    let (_, first) = operator(cluster, "old", &[]).await?;
    let place = Place::on(first, "moved").await?;
    let before = place.injected().await?;
    eventually(SOON, "the guard", async || is_guarded(&place).await).await?;

    // All objects of the release are renamed: Helm creates the new ones before it deletes the old ones.
    let folder = chart::folder().display().to_string();
    let rename = ["upgrade", RELEASE, &folder, "--set=fullnameOverride=renamed"];
    guarded_meanwhile(&place, helm(cluster, "old", &rename)).await?;

    let moved = install(cluster, "new", &["--take-ownership"]);
    guarded_meanwhile(&place, moved).await?;
    first.stop()?;
    guarded_meanwhile(&place, helm(cluster, "old", &["uninstall", RELEASE])).await?;
    let crd = [
        "get",
        "crd",
        "signerbindings.signer.atto.cash",
        "-o",
        "jsonpath={.metadata.annotations}",
    ];
    let owner = cluster.admin().kubectl_ok(&crd).await?;
    ensure!(owner.contains("\"meta.helm.sh/release-namespace\":\"new\""), "{owner}");

    let (account, second) = operator(cluster, "new", &[]).await?;
    let (code, said) = operator_process::command(&account, &["preflight", "--lease-namespace=new"]).await?;
    ensure!(code == Some(0), "{said}");
    eventually(SOON, "the new operator's name", async || {
        let operator = place.binding().await?.status.and_then(|status| status.operator);
        ensure!(
            operator.as_ref().and_then(|by| by.lease_namespace.as_deref()) == Some("new"),
            "{operator:?}"
        );
        Ok(())
    })
    .await?;
    ensure!(
        place.deployment().await?["spec"] == before["spec"],
        "something was written"
    );
    place.kubectl_ok(&["delete", "service", "voter-signer"]).await?;
    eventually(2 * SOON, "the Service", async || {
        place.kubectl_ok(&["get", "service", "voter-signer"]).await
    })
    .await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    second.stop()
}

#[tokio::test]
async fn what_kubectl_has_installed_becomes_a_release_elsewhere() -> Result<()> {
    let cluster: &'static ControlPlane = Box::leak(Box::new(ControlPlane::start().await?));
    apply_manifest(cluster, cluster.minor().await?).await?;
    install(cluster, "new", &["--take-ownership", "--force-conflicts"]).await?;
    let place = Place::on(operator(cluster, "new", &[]).await?.1, "taken").await?;
    place.injected().await?;
    is_guarded(&place).await?;
    place.operated.stop()
}

/// Checks repeatedly, until the change is complete, that the voter is guarded.
async fn guarded_meanwhile(place: &Place, change: impl Future<Output = Result<String>>) -> Result<()> {
    let asking = async {
        loop {
            if let Err(error) = is_guarded(place).await {
                return error;
            }
        }
    };
    tokio::select! {
        done = change => done.map(drop)?,
        error = asking => return Err(error.context("the voter was not guarded for a moment")),
    }
    is_guarded(place).await
}
