//! `charts/install.yaml` through kustomize: in another namespace, under other names, with other labels. The guard must
//! recognise the operator under any name, and no other user.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::hold::can_hold;
use tests::operated::{Operated, Place, SOON, VOTER, binding, voter, with};
use tests::{ControlPlane, Kubeconfig, chart, eventually, operator_process, pods, workspace};

use super::is_guarded;

/// The fields of a `kustomization.yaml`, and the resulting ServiceAccount of the operator.
struct Row {
    fields: &'static str,
    namespace: &'static str,
    account: &'static str,
}

const ROWS: [Row; 4] = [
    Row {
        fields: "namespace: platform",
        namespace: "platform",
        account: "signer-operator",
    },
    Row {
        fields: "namePrefix: team-\nconfigurations: [names.yaml]",
        namespace: "signer-operator",
        account: "team-signer-operator",
    },
    Row {
        fields: "nameSuffix: -blue\nnamespace: platform\nconfigurations: [names.yaml]",
        namespace: "platform",
        account: "signer-operator-blue",
    },
    Row {
        fields: "commonLabels: {team: blue}\ncommonAnnotations: {team: blue}",
        namespace: "signer-operator",
        account: "signer-operator",
    },
];

#[tokio::test]
async fn install_yaml_works_wherever_kustomize_moves_it_and_whatever_it_calls_it() -> Result<()> {
    for row in &ROWS {
        works(row).await.map_err(|error| error.context(row.fields))?;
    }
    Ok(())
}

#[tokio::test]
async fn names_that_do_not_fit_together_are_told_by_preflight() -> Result<()> {
    let cluster: &'static ControlPlane = Box::leak(Box::new(ControlPlane::start().await?));
    apply(cluster, "namePrefix: team-").await?;
    let account = cluster
        .service_account("signer-operator", "team-signer-operator")
        .await?;
    let (code, said) = preflight(&account, "signer-operator").await?;
    ensure!(code == Some(78), "{said}");
    let can_hold = can_hold(cluster).await?;
    let kind = if can_hold {
        "MutatingAdmissionPolicy"
    } else {
        "ValidatingAdmissionPolicy"
    };
    ensure!(
        said.contains(&format!(
            "FAILED: {kind} team-signer-operator-guard-creation has no effect"
        )),
        "{said}"
    );
    // This kustomize finds no policy of any kind, so no policy recognises a user.
    if !can_hold {
        return Ok(());
    }

    // The operator has lost its role binding, and a person has given it cluster-admin instead. The guard does not
    // recognise it.
    let bindings = ["delete", "clusterrolebinding", "team-signer-operator"];
    cluster.admin().kubectl_ok(&bindings).await?;
    let everything = [
        "create",
        "clusterrolebinding",
        "astray",
        "--clusterrole=cluster-admin",
        "--serviceaccount=signer-operator:team-signer-operator",
    ];
    cluster.admin().kubectl_ok(&everything).await?;
    let (code, said) = preflight(&account, "signer-operator").await?;
    ensure!(code == Some(78), "{said}");
    ensure!(
        said.contains(
            "signer-operator-guard exempts system:serviceaccount:signer-operator:signer-operator and refuses \
             system:serviceaccount:signer-operator:team-signer-operator"
        ),
        "{said}"
    );
    Ok(())
}

async fn preflight(account: &Kubeconfig, namespace: &str) -> Result<(Option<i32>, String)> {
    let lease = format!("--lease-namespace={namespace}");
    operator_process::command(account, &["preflight", &lease]).await
}

/// Builds and applies the output of kustomize.
async fn apply(cluster: &ControlPlane, fields: &str) -> Result<()> {
    let folder = cluster.directory().path().join("kustomized");
    fs::create_dir_all(&folder)?;
    let manifest = chart::generated::install_manifest_path(cluster.minor().await?);
    fs::copy(manifest, folder.join("install.yaml"))?;
    let names = workspace::root().join("examples/kustomize-operator/names.yaml");
    fs::copy(names, folder.join("names.yaml"))?;
    fs::write(
        folder.join("kustomization.yaml"),
        format!("resources: [install.yaml]\n{fields}\n"),
    )?;
    let admin = cluster.admin();
    let built = admin.kubectl_ok(&["kustomize", &folder.display().to_string()]).await?;
    let command = ["apply", "--server-side", "-f", "-"];
    let answer = admin.kubectl_in(Path::new("."), &command, &built).await?;
    ensure!(answer.succeeded, "{}", answer.stderr);
    let established = [
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "crd/signerbindings.signer.atto.cash",
    ];
    admin.kubectl_ok(&established).await.map(drop)
}

async fn works(row: &Row) -> Result<()> {
    let cluster: &'static ControlPlane = Box::leak(Box::new(ControlPlane::start().await?));
    apply(cluster, row.fields).await?;
    let account = cluster.service_account(row.namespace, row.account).await?;
    let lease = format!("--lease-namespace={}", row.namespace);
    let operated: &'static Operated = Box::leak(Box::new(Operated::start_as(cluster, &account, &[&lease]).await?));
    let (code, said) = preflight(&account, row.namespace).await?;
    ensure!(code == Some(0), "{said}");

    let place = Place::on(operated, "moved").await?;
    let removing = with(binding(), "/spec/deletionPolicy", json!("Remove"));
    place.apply(&voter()).await?;
    let before = place.deployment().await?["spec"].clone();
    place.apply(&removing).await?;
    place.condition("Injected", "True", "Injected").await?;

    // The guard also checks a user who may do everything, such as a program that applies manifests.
    let gitops = gitops(&place).await?;
    for who in [cluster.admin(), &gitops] {
        eventually(SOON, "the guard", async || is_guarded(&place, who).await).await?;
    }
    // It recognises the operator, whose next rendering it would refuse from any other user.
    place
        .apply(&with(removing, "/spec/signer", json!({"logLevel": "debug"})))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    // It limits the operator's own writes.
    let image = [
        "--namespace",
        &place.namespace,
        "set",
        "image",
        "deployment/voter",
        "node=registry.example/evil:1",
    ];
    let refused = account.kubectl(&image).await?;
    ensure!(
        refused
            .stderr
            .contains("may change nothing of Deployment voter but what it injects"),
        "{}{}",
        refused.stdout,
        refused.stderr
    );
    creates_no_pod(&place, &account).await?;

    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    let after = place.deployment().await?["spec"].clone();
    ensure!(after == before, "{after}");
    operated.stop()
}

/// The operator may try a pod with a dry run.
async fn creates_no_pod(place: &Place, account: &Kubeconfig) -> Result<()> {
    pods::default_account(&place.client, &place.namespace).await?;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any", "namespace": place.namespace},
        "spec": {"containers": [{"name": "any", "image": "registry.example/any:1"}]},
    })
    .to_string();
    let create = ["create", "-f", "-"];
    let tried = [&create[..], &["--dry-run=server"]].concat();
    let tried = account.kubectl_in(Path::new("."), &tried, &pod).await?;
    ensure!(tried.succeeded, "{}", tried.stderr);
    eventually(SOON, "the policy for pods", async || {
        let refused = account.kubectl_in(Path::new("."), &create, &pod).await?;
        ensure!(
            refused.stderr.contains("the signer operator may create no pod"),
            "{}{}",
            refused.stdout,
            refused.stderr
        );
        Ok(())
    })
    .await
}

/// A ServiceAccount that may do everything.
async fn gitops(place: &Place) -> Result<Kubeconfig> {
    let account: Value = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "gitops"}});
    place.apply(&account).await?;
    let subject = format!("--serviceaccount={}:gitops", place.namespace);
    let everything = [
        "create",
        "clusterrolebinding",
        "gitops",
        "--clusterrole=cluster-admin",
        &subject,
    ];
    place.operated.plane.admin().kubectl_ok(&everything).await?;
    place.operated.plane.service_account(&place.namespace, "gitops").await
}
