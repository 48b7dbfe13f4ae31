//! The notes that `helm install` prints at its end.

use tests::chart::{NAMESPACE, folder};
use tests::helm;

async fn notes(arguments: &[&str]) -> String {
    let chart = folder().display().to_string();
    let install = [
        "install",
        "release",
        &chart,
        "--namespace",
        NAMESPACE,
        "--dry-run=client",
    ];
    let said = helm(&[&install[..], arguments].concat()).await.unwrap();
    said.split_once("NOTES:").unwrap().1.to_owned()
}

#[tokio::test]
async fn the_notes_say_what_comes_next_and_what_is_missing() {
    let defaults = notes(&[]).await;
    for told in [
        "rollout status deployment/release-signer-operator",
        "helm test release --namespace signer-operator",
        "kubectl create secret generic atto-signer-secrets-1",
        "kubectl delete signerbindings --all --all-namespaces",
        "kubectl delete crd signerbindings.signer.atto.cash",
        "While no operator runs, a new voter waits",
    ] {
        assert!(defaults.contains(told), "{told}: {defaults}");
    }
    let namespaces = "--set-json=watchNamespaces=[\"atto\", \"beta\"]";
    for (values, told) in [
        (&["--set=guard.enabled=false"][..], "The guard is off"),
        (&["--set=guard.pods=false"], "The guard does not check pods"),
        (
            &["--set-json=guard.exemptServiceAccounts=[\"other/signer-operator\"]"],
            "(guard.exemptServiceAccounts), which can start a voter without its signer:\n  other/signer-operator",
        ),
        (
            &["--set=guard.creation=Warn"],
            "New Deployments are not held (guard.creation=Warn)",
        ),
        (
            &["--set=replicas=0"],
            "scale deployment/release-signer-operator --replicas=2",
        ),
        (
            &["--set=crds.install=false"],
            "operator crd | kubectl apply --server-side",
        ),
        (&["--set=crds.keep=false"], "deletes the CustomResourceDefinition"),
        (&["--set=networkPolicy.enabled=true"], "networkPolicy.apiServerCidrs"),
        (&["--set=dashboards.enabled=true"], "serviceMonitor.enabled=false"),
        (&[namespaces], "manages SignerBindings in atto, beta."),
        (&[namespaces, "--set=rbac.strict=true"], "RemoveNeedsClusterRole"),
    ] {
        let set = notes(values).await;
        assert!(set.contains(told), "{values:?}: {set}");
        assert!(!defaults.contains(told), "{told}: {defaults}");
    }
}
