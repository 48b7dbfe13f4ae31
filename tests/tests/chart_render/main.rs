//! The chart renders the documented objects, and refuses unknown values.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod notes;
mod refusals;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crds::kubernetes::OLDEST;
use serde::Deserialize;
use serde_json::{Value, json};
use tests::chart::{NAMESPACE, folder, render};
use tests::{helm, workspace};

fn chart_file(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

fn documents(rendered: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(rendered)
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

async fn rendered(arguments: &[&str]) -> Vec<Value> {
    render(arguments).await.unwrap()
}

async fn rendered_names(arguments: &[&str]) -> BTreeSet<String> {
    kinds_and_names(&rendered(arguments).await)
}

fn kinds_and_names(documents: &[Value]) -> BTreeSet<String> {
    documents
        .iter()
        .map(|document| format!("{} {}", document["kind"], document["metadata"]["name"]).replace('"', ""))
        .collect()
}

fn one<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<_> = documents.iter().filter(|document| document["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind} in {:?}", kinds_and_names(documents));
    found[0]
}

/// Helm writes 1.0 as 1.
fn same_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(same_numbers).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), same_numbers(value)))
            .collect(),
        other => other.clone(),
    }
}

fn argument(documents: &[Value], flag: &str) -> String {
    let arguments = &one(documents, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"];
    let arguments = arguments
        .as_array()
        .unwrap()
        .iter()
        .map(|argument| argument.as_str().unwrap());
    let found: Vec<_> = arguments
        .filter_map(|argument| argument.strip_prefix(flag)?.strip_prefix('='))
        .collect();
    assert_eq!(found.len(), 1, "{flag} is not there once");
    found[0].to_owned()
}

#[tokio::test]
async fn helm_finds_nothing_to_say_against_it() {
    let chart = folder().display().to_string();
    let said = helm(&["lint", "--strict", &chart]).await.unwrap();
    assert!(said.contains("1 chart(s) linted, 0 chart(s) failed"), "{said}");
}

#[tokio::test]
async fn the_defaults_give_exactly_these_objects() {
    let names = rendered_names(&[]).await;
    let wanted = [
        "ClusterRole signer-operator",
        "ClusterRole signer-operator-edit",
        "ClusterRole signer-operator-view",
        "ClusterRoleBinding signer-operator",
        "CustomResourceDefinition signerbindings.signer.atto.cash",
        "Deployment signer-operator",
        "Pod signer-operator-preflight",
        "PodDisruptionBudget signer-operator",
        "Role signer-operator",
        "RoleBinding signer-operator",
        "Service signer-operator-metrics",
        "ServiceAccount signer-operator",
        "MutatingAdmissionPolicy signer-operator-guard-creation",
        "MutatingAdmissionPolicyBinding signer-operator-guard-creation",
        "MutatingAdmissionPolicy signer-operator-guard-keep",
        "MutatingAdmissionPolicyBinding signer-operator-guard-keep",
        "ValidatingAdmissionPolicy signer-operator-guard",
        "ValidatingAdmissionPolicy signer-operator-guard-operator",
        "ValidatingAdmissionPolicy signer-operator-guard-operator-pods",
        "ValidatingAdmissionPolicy signer-operator-guard-pods",
        "ValidatingAdmissionPolicy signer-operator-guard-removal",
        "ValidatingAdmissionPolicy signer-operator-guard-resumption",
        "ValidatingAdmissionPolicyBinding signer-operator-guard",
        "ValidatingAdmissionPolicyBinding signer-operator-guard-operator",
        "ValidatingAdmissionPolicyBinding signer-operator-guard-operator-pods",
        "ValidatingAdmissionPolicyBinding signer-operator-guard-pods",
        "ValidatingAdmissionPolicyBinding signer-operator-guard-removal",
        "ValidatingAdmissionPolicyBinding signer-operator-guard-resumption",
    ];
    assert_eq!(names, wanted.map(str::to_owned).into());
}

#[tokio::test]
async fn every_object_carries_the_recommended_labels_and_namespaced_ones_the_namespace() {
    for document in rendered(&[]).await {
        let labels = &document["metadata"]["labels"];
        // The pod of `helm test` is not one of the operator's pods.
        let name = if document["kind"] == "Pod" {
            "signer-operator-test"
        } else {
            "signer-operator"
        };
        assert_eq!(labels["app.kubernetes.io/name"], name, "{document:#}");
        assert_eq!(labels["app.kubernetes.io/managed-by"], "Helm", "{document:#}");
        assert_eq!(labels["app.kubernetes.io/component"], "operator", "{document:#}");
        assert_eq!(labels["app.kubernetes.io/part-of"], "signer-operator", "{document:#}");
        let of_the_cluster = [
            "ClusterRole",
            "CustomResourceDefinition",
            "MutatingAdmissionPolicy",
            "ValidatingAdmissionPolicy",
        ];
        let kind = document["kind"].as_str().unwrap();
        let namespaced = !of_the_cluster.iter().any(|global| kind.starts_with(global));
        let namespace = if namespaced { json!(NAMESPACE) } else { Value::Null };
        assert_eq!(document["metadata"]["namespace"], namespace, "{document:#}");
    }
}

#[tokio::test]
async fn what_is_off_is_not_rendered() {
    for (value, kind) in [
        ("guard.enabled=false", "ValidatingAdmissionPolicy"),
        ("guard.enabled=false", "MutatingAdmissionPolicy"),
        (
            "guard.creation=Warn",
            "MutatingAdmissionPolicy signer-operator-guard-creation",
        ),
        (
            "guard.manifestManagers=null",
            "MutatingAdmissionPolicy signer-operator-guard-keep",
        ),
        ("crds.install=false", "CustomResourceDefinition"),
        ("serviceAccount.create=false", "ServiceAccount"),
    ] {
        let names = rendered_names(&["--set", value]).await;
        assert!(!names.iter().any(|name| name.starts_with(kind)), "{value}: {names:?}");
    }
}

#[tokio::test]
async fn the_oldest_kubernetes_gets_the_guard_and_older_ones_are_refused() {
    // Managed clusters report versions such as the last one.
    for version in [format!("1.{OLDEST}.0"), format!("1.{OLDEST}.4-gke.100")] {
        let names = rendered_names(&["--kube-version", &version]).await;
        assert!(
            names.contains("ValidatingAdmissionPolicy signer-operator-guard"),
            "{version}"
        );
    }
    let older = format!("1.{}.9", OLDEST - 1);
    let error = render(&["--kube-version", &older]).await.unwrap_err().to_string();
    let expected = format!("chart requires kubeVersion: >=1.{OLDEST}.0-0");
    assert!(error.contains(&expected), "{error}");
}

#[tokio::test]
async fn the_guard_exempts_the_service_account_of_the_release() {
    let rendered = rendered(&["--set", "serviceAccount.name=other"]).await;
    let conditions = |name: &str| {
        let policy = rendered
            .iter()
            .find(|document| document["kind"] == "ValidatingAdmissionPolicy" && document["metadata"]["name"] == name);
        policy.unwrap()["spec"]["matchConditions"].to_string()
    };
    let user = "system:serviceaccount:signer-operator:other";
    for policy in ["signer-operator-guard", "signer-operator-guard-resumption"] {
        assert!(
            conditions(policy).contains(&format!("in [\\\"{user}\\\"] ||")),
            "{policy}"
        );
    }
    assert!(conditions("signer-operator-guard-operator").contains(&format!("== '{user}'")));
    assert_eq!(one(&rendered, "ClusterRoleBinding")["subjects"][0]["name"], "other");
    assert_eq!(
        one(&rendered, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"],
        "other"
    );
}

#[tokio::test]
async fn the_crd_is_the_generated_one_and_outlives_the_release() {
    let generated = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/signerbindings.yaml")).unwrap();
    let copy = chart_file("files/signerbindings.yaml");
    assert_eq!(copy, generated, "run `make generate`");

    let kept = rendered(&[]).await;
    let crd = one(&kept, "CustomResourceDefinition");
    assert_eq!(
        crd["metadata"]["annotations"],
        json!({
            "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
            "helm.sh/resource-policy": "keep",
            "kustomize.toolkit.fluxcd.io/prune": "disabled",
        }),
        "what Argo CD, Helm and Flux each read before they delete it"
    );
    let dropped = rendered(&["--set=crds.keep=false"]).await;
    assert_eq!(
        one(&dropped, "CustomResourceDefinition")["metadata"]["annotations"],
        Value::Null
    );
    assert!(
        same_numbers(&crd["spec"]) == same_numbers(&documents(&generated)[0]["spec"]),
        "the spec differs"
    );
}

#[tokio::test]
async fn its_version_is_the_programs_version() {
    let chart = &documents(&chart_file("Chart.yaml"))[0];
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    let image = one(&rendered(&[]).await, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(
        image,
        concat!("ghcr.io/attocash/signer-operator/operator:", env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test]
async fn values_reach_the_operators_command_line() {
    let defaults = rendered(&[]).await;
    let image = concat!("ghcr.io/attocash/signer-operator/signer:", env!("CARGO_PKG_VERSION"));
    assert_eq!(argument(&defaults, "--signer-image"), image);
    assert!(
        image.starts_with(&argument(&defaults, "--allowed-signer-images")),
        "the default image is not allowed"
    );
    assert_eq!(argument(&defaults, "--log-level"), "info");
    assert_eq!(argument(&defaults, "--upgrades"), "hold");

    let set = rendered(&[
        "--set-json=allowedSignerImages=[\"registry.example/a/\", \"registry.example/b:\"]",
        "--set=signerImage=registry.example/b:1",
        "--set=logLevel=debug",
        "--set=upgrades=roll",
        "--set=maxRollouts=3",
        "--set=gkeProject=my-project",
    ])
    .await;
    assert_eq!(
        argument(&set, "--allowed-signer-images"),
        "registry.example/a/,registry.example/b:"
    );
    assert_eq!(argument(&set, "--signer-image"), "registry.example/b:1");
    assert_eq!(argument(&set, "--log-level"), "debug");
    assert_eq!(argument(&set, "--upgrades"), "roll");
    assert_eq!(argument(&set, "--max-rollouts"), "3");
    assert_eq!(argument(&set, "--gke-project"), "my-project");
}

#[tokio::test]
async fn a_list_of_namespaces_gives_roles_there_and_a_cluster_role_for_bindings_alone() {
    let list = "--set-json=watchNamespaces=[\"atto\", \"signer-operator\"]";
    let some = rendered(&[list]).await;
    assert_eq!(argument(&some, "--watch-namespaces"), "atto,signer-operator");
    let own = |document: &&Value| document["metadata"]["name"] == "signer-operator-bindings";
    let mut roles: Vec<_> = some.iter().filter(own).collect();
    roles.retain(|document| document["kind"] == "Role");
    let namespaces: Vec<_> = roles.iter().map(|role| &role["metadata"]["namespace"]).collect();
    assert_eq!(namespaces, ["atto", NAMESPACE]);
    let whole = rendered(&[]).await;
    let granted = |documents: &[Value], name: &str| {
        let role = documents
            .iter()
            .find(|document| document["kind"] == "ClusterRole" && document["metadata"]["name"] == name);
        role.and_then(|role| role["rules"].as_array().cloned())
    };
    // The remaining rules are for `operator preflight`.
    let everywhere = granted(&whole, "signer-operator").unwrap();
    let (in_each, preflight) = everywhere.split_at(everywhere.len() - 3);
    assert_eq!(roles[0]["rules"], json!(in_each));
    assert_eq!(preflight[0]["resources"], json!(["customresourcedefinitions"]));
    let bindings = json!([{
        "apiGroups": ["signer.atto.cash"], "resources": ["signerbindings"], "verbs": ["get", "list", "watch", "patch"],
    }]);
    assert_eq!(json!(granted(&some, "signer-operator")), bindings);

    let strict = rendered(&[list, "--set=rbac.strict=true"]).await;
    assert_eq!(granted(&strict, "signer-operator"), None);
    assert!(!kinds_and_names(&strict).contains("ClusterRoleBinding signer-operator"));
    let arguments = one(&strict, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"].to_string();
    assert!(arguments.contains("--strict-rbac"), "{arguments}");
    // For `operator preflight`, which people run in this pod.
    let env = one(&strict, "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"].to_string();
    for variable in ["SIGNER_OPERATOR_WATCH_NAMESPACES", "SIGNER_OPERATOR_STRICT_RBAC"] {
        assert!(env.contains(variable), "{env}");
    }
    let error = render(&["--set=rbac.strict=true"]).await.unwrap_err().to_string();
    assert!(
        error.contains("rbac.strict: found true with no watchNamespaces"),
        "{error}"
    );
}

#[tokio::test]
async fn the_operators_flags_are_those_that_the_program_knows() {
    let arguments =
        one(&rendered(&[]).await, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"].clone();
    let arguments: Vec<_> = arguments
        .as_array()
        .unwrap()
        .iter()
        .map(|argument| argument.as_str().unwrap())
        .collect();
    let program = workspace::program("operator").unwrap();
    let help = Command::new(program).args([arguments[0], "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for argument in &arguments[1..] {
        let flag = argument.split('=').next().unwrap();
        assert!(help.contains(&format!("{flag} <")), "{flag} is not in:\n{help}");
    }
}
