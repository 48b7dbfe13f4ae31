//! `operator preflight` reports the missing parts of a cluster, and requires exactly the rights that the chart gives.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use operator::commands::preflight::permissions::{EVERYWHERE, OWN_NAMESPACE, Permission, TO_TRY_PODS};
use serde_json::{Value, json};
use tests::{ControlPlane, Kubeconfig, chart, operator_process, workspace};
use tokio::process::Command;

/// Rights that only `operator preflight` itself uses. It reports a missing one.
const FOR_PREFLIGHT: [&str; 7] = [
    // The guard recognises the operator by this right, and preflight checks whether it does.
    "write signer.atto.cash injections",
    "list coordination.k8s.io leases",
    "get apiextensions.k8s.io customresourcedefinitions",
    "list admissionregistration.k8s.io validatingadmissionpolicies",
    "list admissionregistration.k8s.io validatingadmissionpolicybindings",
    "list admissionregistration.k8s.io mutatingadmissionpolicies",
    "list admissionregistration.k8s.io mutatingadmissionpolicybindings",
];

async fn preflight(who: &Kubeconfig) -> Result<(Option<i32>, String)> {
    let namespace = format!("--lease-namespace={}", chart::NAMESPACE);
    operator_process::command(who, &["preflight", &namespace]).await
}

fn line<'a>(text: &'a str, about: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(about)).unwrap_or(text)
}

#[tokio::test]
async fn what_the_cluster_lacks_is_told_with_its_remedy() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    let (code, text) = preflight(plane.admin()).await?;
    assert_eq!(code, Some(78), "{text}");
    assert!(line(&text, "cluster").contains("ok: Kubernetes v1."), "{text}");
    let crd = line(&text, "crd");
    assert!(
        crd.contains("FAILED") && crd.contains("operator crd | kubectl apply"),
        "{text}"
    );
    assert!(line(&text, "guard").contains("WARNING"), "{text}");

    chart::install(plane.admin(), &[]).await?;
    let operator = plane.service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT).await?;
    let (code, text) = preflight(&operator).await?;
    assert_eq!(code, Some(0), "{text}");
    for about in ["cluster", "crd", "permissions", "trial", "guard", "issuer", "others"] {
        assert!(line(&text, about).contains(" ok: "), "{about}: {text}");
    }
    for piece in [
        "edits and resumption: signer-operator-guard refuses",
        "pods: signer-operator-guard-pods refuses",
        "the operator's own writes: signer-operator-guard-operator refuses",
    ] {
        assert!(text.contains(&format!("guard        ok: {piece}")), "{piece}: {text}");
    }

    // An operator that does not know about this one.
    let elsewhere = plane.namespace("elsewhere").await?;
    let now = k8s_openapi::jiff::Timestamp::now();
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "signer-operator"},
        "spec": {"holderIdentity": "laptop", "leaseDurationSeconds": 12, "renewTime": format!("{now:.6}")},
    });
    let apply = ["--namespace", &elsewhere, "apply", "-f", "-"];
    let applied = plane
        .admin()
        .kubectl_in(Path::new("."), &apply, &lease.to_string())
        .await?;
    assert!(applied.succeeded, "{}", applied.stderr);
    let (code, text) = preflight(&operator).await?;
    assert_eq!(code, Some(78), "{text}");
    let others = line(&text, "others");
    assert!(
        others.contains("FAILED") && others.contains("laptop") && others.contains(&elsewhere),
        "{text}"
    );

    // Both may serve namespaces of their own. A person who checks the cluster does not see which.
    let own = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "signer-operator"},
        "spec": {"holderIdentity": "pod", "leaseDurationSeconds": 12, "renewTime": format!("{now:.6}")},
    });
    let apply = ["--namespace", chart::NAMESPACE, "apply", "-f", "-"];
    let applied = plane
        .admin()
        .kubectl_in(Path::new("."), &apply, &own.to_string())
        .await?;
    assert!(applied.succeeded, "{}", applied.stderr);
    let mut check = Command::new(workspace::program("kubectl-atto_signer")?);
    check.arg("check").env("KUBECONFIG", plane.admin().path());
    let checked = check.output().await?;
    let text = String::from_utf8(checked.stdout)?;
    assert_eq!(checked.status.code(), Some(0), "{text}");
    assert!(line(&text, "others").contains("WARNING"), "{text}");

    let (code, text) = preflight(&plane.user("nobody", &[])?).await?;
    assert_eq!(code, Some(77), "{text}");
    let permissions = line(&text, "permissions");
    assert!(
        permissions.contains("patch deployments.apps") && permissions.contains("get secrets"),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_69() -> Result<()> {
    let output = Command::new(workspace::program("operator")?)
        .arg("preflight")
        .env_remove("KUBECONFIG")
        .env("HOME", "/nonexistent")
        .output()
        .await?;
    let text = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(69), "{text}");
    assert!(text.contains("KUBECONFIG"), "{text}");
    Ok(())
}

#[tokio::test]
async fn the_permissions_it_asks_for_are_those_that_the_chart_grants() -> Result<()> {
    let objects = chart::render(&[]).await?;
    let granted = |kind: &str| -> BTreeSet<String> {
        let role = objects
            .iter()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == chart::SERVICE_ACCOUNT);
        let rules = role
            .and_then(|role| role["rules"].as_array().cloned())
            .unwrap_or_default();
        rules.iter().flat_map(expand).collect()
    };
    let needed = |permissions: &[Permission]| -> BTreeSet<String> {
        let named = permissions
            .iter()
            .map(|Permission { verb, group, resource }| format!("{verb} {group} {resource}"));
        named.collect()
    };
    let mut everywhere = needed(EVERYWHERE);
    everywhere.extend(needed(&[TO_TRY_PODS]));
    everywhere.extend(FOR_PREFLIGHT.map(str::to_owned));
    assert_eq!(granted("ClusterRole"), everywhere);
    assert_eq!(granted("Role"), needed(OWN_NAMESPACE));
    let binding = objects.iter().find(|object| object["kind"] == "ClusterRoleBinding");
    assert_eq!(
        binding.map(|binding| &binding["roleRef"]["name"]),
        Some(&Value::from(chart::SERVICE_ACCOUNT))
    );
    Ok(())
}

fn expand(rule: &Value) -> Vec<String> {
    let list = |field: &str| -> Vec<String> {
        let items = rule[field].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect()
    };
    let mut all = Vec::new();
    for group in list("apiGroups") {
        for resource in list("resources") {
            all.extend(list("verbs").iter().map(|verb| format!("{verb} {group} {resource}")));
        }
    }
    all
}
