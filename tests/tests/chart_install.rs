//! A real API server accepts the rendered chart, which gives every user exactly the documented rights.

mod installed;

use std::path::Path;

use anyhow::{Result, bail, ensure};
use installed::Installed;
use serde_json::{Value, json};
use tests::eventually::SOON;
use tests::{Kubeconfig, chart, eventually, operator_process};

/// Verb, group and resource with an optional subresource.
type Access<'a> = (&'a str, &'a str, &'a str);

const MUST_BE_DENIED: &[Access] = &[
    ("list", "", "secrets"),
    ("watch", "", "secrets"),
    ("create", "", "secrets"),
    ("patch", "", "secrets"),
    ("update", "", "secrets"),
    ("delete", "", "secrets"),
    ("create", "apps", "deployments"),
    ("update", "apps", "deployments"),
    ("delete", "apps", "deployments"),
    ("patch", "apps", "deployments/scale"),
    ("patch", "apps", "deployments/status"),
    ("patch", "apps", "replicasets"),
    ("patch", "apps", "statefulsets"),
    ("get", "", "pods"),
    ("create", "", "pods/exec"),
    ("get", "", "pods/log"),
    ("get", "", "configmaps"),
    ("patch", "", "pods"),
    ("list", "apps", "replicasets"),
    ("create", "", "serviceaccounts"),
    ("delete", "", "serviceaccounts"),
    ("create", "", "serviceaccounts/token"),
    ("impersonate", "", "users"),
    ("list", "", "namespaces"),
    ("patch", "", "namespaces"),
    ("update", "", "services"),
    ("create", "", "events"),
    ("list", "events.k8s.io", "events"),
    ("create", "signer.atto.cash", "signerbindings"),
    ("update", "signer.atto.cash", "signerbindings"),
    ("delete", "signer.atto.cash", "signerbindings"),
    ("update", "signer.atto.cash", "signerbindings/status"),
    ("patch", "rbac.authorization.k8s.io", "clusterroles"),
    ("bind", "rbac.authorization.k8s.io", "clusterroles"),
    ("patch", "admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("patch", "apiextensions.k8s.io", "customresourcedefinitions"),
];

/// Asks the API server as `who`. kubectl's exit code and its answer agree.
async fn may(who: &Kubeconfig, namespace: &str, (verb, group, resource): Access<'_>) -> Result<bool> {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let mut arguments = vec!["--namespace", namespace, "auth", "can-i", verb];
    let resource = if group.is_empty() {
        resource.to_owned()
    } else {
        format!("{resource}.{group}")
    };
    let subresource = format!("--subresource={subresource}");
    arguments.extend([resource.as_str(), subresource.as_str()]);
    let answer = who.kubectl(&arguments).await?;
    match answer.stdout.trim() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => bail!("{verb} {resource}: {}{}", answer.stdout, answer.stderr),
    }
}

#[tokio::test]
async fn the_operator_may_do_nothing_that_it_does_not_need() {
    let installed = Installed::shared().await.unwrap();
    for access in MUST_BE_DENIED {
        let is_allowed = may(&installed.operator, "default", *access).await.unwrap();
        assert!(!is_allowed, "{access:?}");
    }
}

#[tokio::test]
async fn edit_and_admin_may_write_bindings_and_view_may_read_them() {
    let installed = Installed::shared().await.unwrap();
    let admin = installed.cluster.admin();
    let namespace = installed.cluster.namespace("roles").await.unwrap();
    let bindings = |verb| (verb, "signer.atto.cash", "signerbindings");
    for (role, writes) in [("admin", true), ("edit", true), ("view", false)] {
        let person = format!("{role}-person");
        let user = installed.cluster.user(&person, &[]).unwrap();
        let (role_flag, user_flag) = (format!("--clusterrole={role}"), format!("--user={person}"));
        let bind = [
            "--namespace",
            &namespace,
            "create",
            "rolebinding",
            &person,
            &role_flag,
            &user_flag,
        ];
        admin.kubectl_ok(&bind).await.unwrap();
        eventually(SOON, "the aggregation of roles", || async {
            ensure!(
                may(&user, &namespace, bindings("get")).await?,
                "{role} may not read bindings"
            );
            ensure!(
                !writes || may(&user, &namespace, bindings("create")).await?,
                "{role} may not create bindings"
            );
            Ok(())
        })
        .await
        .unwrap();
        for verb in ["create", "update", "patch", "delete"] {
            assert_eq!(
                may(&user, &namespace, bindings(verb)).await.unwrap(),
                writes,
                "{role}: {verb}"
            );
        }
        let status = ("patch", "signer.atto.cash", "signerbindings/status");
        assert!(
            !may(&user, &namespace, status).await.unwrap(),
            "{role} may write the status"
        );
        assert!(
            !may(&user, "default", bindings("get")).await.unwrap(),
            "{role} reaches another namespace"
        );
    }
}

#[tokio::test]
async fn the_operators_pod_passes_pod_security_restricted() {
    let installed = Installed::shared().await.unwrap();
    let pods = [
        "--namespace",
        chart::NAMESPACE,
        "get",
        "pods",
        "-o",
        "json",
        "-l",
        "app.kubernetes.io/name=signer-operator",
    ];
    // The namespace enforces it, so a pod that does not meet it is never created.
    let pod = eventually(SOON, "the operator's pod", || async {
        let found: Value = serde_json::from_str(&installed.cluster.admin().kubectl_ok(&pods).await?)?;
        match found["items"].as_array().and_then(|items| items.first()) {
            Some(pod) => Ok(pod.clone()),
            None => bail!(
                "{}",
                installed
                    .cluster
                    .admin()
                    .kubectl_ok(&["-n", chart::NAMESPACE, "get", "events"])
                    .await?
            ),
        }
    })
    .await
    .unwrap();
    assert_eq!(pod["spec"]["serviceAccountName"], "signer-operator");
}

#[tokio::test]
async fn the_api_server_finds_no_fault_in_the_guards_expressions() {
    let installed = Installed::shared().await.unwrap();
    let list = ["get", "validatingadmissionpolicies", "-o", "json"];
    let policies = eventually(SOON, "the check of the guard's expressions", || async {
        let found: Value = serde_json::from_str(&installed.cluster.admin().kubectl_ok(&list).await?)?;
        let policies = found["items"].as_array().cloned().unwrap_or_default();
        ensure!(!policies.is_empty(), "no policies");
        for policy in &policies {
            ensure!(
                policy["status"]["observedGeneration"] == policy["metadata"]["generation"],
                "{} is not checked yet",
                policy["metadata"]["name"]
            );
        }
        Ok(policies)
    })
    .await
    .unwrap();
    for policy in policies {
        let warnings = &policy["status"]["typeChecking"]["expressionWarnings"];
        assert!(
            warnings.is_null() || *warnings == json!([]),
            "{}: {warnings:#}",
            policy["metadata"]["name"]
        );
    }
}

#[tokio::test]
async fn every_combination_of_values_is_accepted() {
    let installed = Installed::shared().await.unwrap();
    let admin = installed.cluster.admin();
    for namespace in ["atto", "atto-beta", "observability"] {
        admin.kubectl_ok(&["create", "namespace", namespace]).await.unwrap();
    }
    // The objects below are only tried, and a Pod needs its existing account.
    let account = ["-n", chart::NAMESPACE, "create", "serviceaccount", "atto-operator"];
    admin.kubectl_ok(&account).await.unwrap();
    let version = format!("--kube-version={}", chart::version(admin).await.unwrap());
    for file in chart::value_files().unwrap() {
        let values = file.display().to_string();
        let mut objects = chart::render(&[&version, "--values", &values]).await.unwrap();
        // Their CustomResourceDefinitions belong to Prometheus Operator.
        objects.retain(|object| object["apiVersion"] != "monitoring.coreos.com/v1");
        // A Pod cannot be changed, so Helm deletes the old one before it creates another.
        for pod in objects.iter_mut().filter(|object| object["kind"] == "Pod") {
            pod["metadata"]["name"] = json!("another-preflight");
        }
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
        let apply = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--validate=strict",
            "--dry-run=server",
            "-f",
            "-",
        ];
        let answer = admin.kubectl_in(Path::new("."), &apply, &list).await.unwrap();
        assert!(answer.succeeded, "{}: {}", file.display(), answer.stderr);
    }
}

#[tokio::test]
async fn what_helm_test_runs_finds_nothing_missing() {
    let installed = Installed::shared().await.unwrap();
    let pods = chart::render(&["--show-only=templates/tests/preflight.yaml"])
        .await
        .unwrap();
    let pod = &pods[0]["spec"];
    assert_eq!(pod["serviceAccountName"], chart::SERVICE_ACCOUNT);
    let arguments: Vec<String> = serde_json::from_value(pod["containers"][0]["args"].clone()).unwrap();
    // In a pod, the default is the pod's namespace.
    let namespace = format!("--lease-namespace={}", chart::NAMESPACE);
    let arguments: Vec<_> = arguments
        .iter()
        .map(String::as_str)
        .chain([namespace.as_str()])
        .collect();
    let (code, said) = operator_process::command(&installed.operator, &arguments)
        .await
        .unwrap();
    assert_eq!(code, Some(0), "{said}");
}
