//! What `helm install` says at its end.

use tests::chart::NAMESPACE;

use super::{CHART, helm};

#[test]
fn the_notes_say_what_comes_next_and_what_is_missing() {
    let notes = |arguments: &[&str]| {
        let install = [
            "install",
            "release",
            CHART,
            "--namespace",
            NAMESPACE,
            "--dry-run=client",
        ];
        let said = helm(&[&install[..], arguments].concat());
        said.split_once("NOTES:").unwrap().1.to_owned()
    };
    let say_only_with = |values: &[&str], told: &str| {
        let set = notes(values);
        assert!(set.contains(told), "{values:?}: {set}");
        let defaults = notes(&[]);
        assert!(!defaults.contains(told), "{told}: {defaults}");
    };
    let defaults = notes(&[]);
    for told in [
        "rollout status deployment/release-signer-operator",
        "helm test release --namespace signer-operator",
        "kubectl create secret generic atto-signer-secrets-1",
        "kubectl delete signerbindings --all --all-namespaces",
        "kubectl delete crd signerbindings.signer.atto.cash",
    ] {
        assert!(defaults.contains(told), "{told}: {defaults}");
    }
    let namespaces = "--set-json=watchNamespaces=[\"atto\", \"beta\"]";
    say_only_with(&["--set=guard.enabled=false"], "The guard is off");
    say_only_with(
        &["--set=replicas=0"],
        "scale deployment/release-signer-operator --replicas=2",
    );
    say_only_with(
        &["--set=crds.install=false"],
        "operator crd | kubectl apply --server-side",
    );
    say_only_with(&["--set=crds.keep=false"], "deletes the CustomResourceDefinition");
    say_only_with(&["--set=networkPolicy.enabled=true"], "networkPolicy.apiServerCidrs");
    say_only_with(&["--set=dashboards.enabled=true"], "serviceMonitor.enabled=false");
    say_only_with(&[namespaces], "serves SignerBindings in atto, beta.");
    say_only_with(&[namespaces, "--set=rbac.strict=true"], "RemoveNeedsClusterRole");
}
