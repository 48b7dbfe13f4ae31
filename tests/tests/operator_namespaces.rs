//! An operator that manages some namespaces, with Roles there instead of a ClusterRole.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Operated, Place, SOON, VOTER, binding, voter, with};
use tests::{ControlPlane, chart, eventually, operator_process};

fn removing() -> Value {
    with(binding(), "/spec/deletionPolicy", json!("Remove"))
}

/// An operator for these namespaces, with the roles of the chart.
async fn watching(cluster: &'static ControlPlane, namespaces: &[&str], strict: bool) -> Result<&'static Operated> {
    let list = format!("--set-json=watchNamespaces={}", json!(namespaces));
    let values = [list.as_str(), "--set=rbac.strict=true"];
    chart::install(cluster.admin(), if strict { &values } else { &values[..1] }).await?;
    let flags = [
        format!("--watch-namespaces={}", namespaces.join(",")),
        "--strict-rbac".to_owned(),
    ];
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let operated = Operated::start(cluster, if strict { &flags } else { &flags[..1] }).await?;
    Ok(Box::leak(Box::new(operated)))
}

/// A binding in another namespace has the same key. The warning does not name it.
async fn shares_a_key(place: &Place, other: &str) -> Result<()> {
    eventually(SOON, "the warning of a shared key", async || {
        let status = place.binding().await?.status.unwrap_or_default();
        let mut warnings = status.warnings.iter();
        let found = warnings.find(|warning| warning.reason == "SharedKeyVersion");
        let is_told = found.is_some_and(|warning| !warning.message.contains(other));
        ensure!(is_told, "{:?}", status.warnings);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn bindings_are_served_in_the_namespaces_of_the_list_and_nowhere_else() -> Result<()> {
    let cluster = ControlPlane::shared().await?;
    let (one, two) = (cluster.namespace("one").await?, cluster.namespace("two").await?);
    let operated = watching(cluster, &[&one, &two], false).await?;
    let outside = Place::on(operated, "outside").await?;
    outside.apply(&voter()).await?;
    outside.apply(&binding()).await?;

    // Each binding has a warning about the other.
    let key = json!({"gcp": {"keyVersion": "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"}});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "voter"}});
    let first = Place::in_namespace(operated, one.clone()).await?;
    let second = Place::in_namespace(operated, two.clone()).await?;
    for place in [&first, &second] {
        place.apply(&account).await?;
        place
            .apply(&with(voter(), "/spec/template/spec/serviceAccountName", json!("voter")))
            .await?;
        place.apply(&with(removing(), "/spec/key", key.clone())).await?;
        place.condition("Injected", "True", "Injected").await?;
    }
    shares_a_key(&first, &two).await?;
    shares_a_key(&second, &one).await?;
    let metrics = operated.get("/metrics").await?.body;
    for line in [
        "atto_signer_operator_bindings{condition=\"Injected\",reason=\"Injected\",status=\"True\"} 2",
        "atto_signer_operator_orphans 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{metrics}");
    }
    assert!(outside.binding().await?.status.is_none());

    // Of two operators, neither one's guard checks the other's namespaces.
    let others = with(
        voter(),
        "/spec/template/metadata/annotations",
        json!({"signer.atto.cash/hash": "another"}),
    );
    outside.apply(&others).await?;
    outside.replace(async || Ok(voter())).await?;
    let refused = second.kubectl(&["replace", "-f", "-"], &voter().to_string()).await?;
    assert!(
        refused.stderr.contains("without its signer"),
        "{}{}",
        refused.stdout,
        refused.stderr
    );

    // A namespace may lose its Role before its bindings. The operator still serves the other namespaces.
    let roles = ["delete", "role,rolebinding", "signer-operator-bindings"];
    first.kubectl_ok(&roles).await?;
    let gone = ["delete", "namespace", &one, "--timeout=60s"];
    cluster.admin().kubectl_ok(&gone).await?;
    second.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    assert_eq!(
        second.deployment().await?["spec"]["template"]["spec"]["initContainers"],
        Value::Null
    );
    second
        .apply(&with(binding(), "/metadata/name", json!("another")))
        .await?;
    second.condition_of("another", "Injected", "True", "Injected").await?;

    assert_eq!(cluster.denied(chart::OPERATOR, Some(&one))?, Vec::<String>::new());
    operated.stop()
}

#[tokio::test]
async fn with_roles_alone_no_binding_gets_a_finalizer() -> Result<()> {
    let cluster: &'static ControlPlane = Box::leak(Box::new(ControlPlane::start().await?));
    let namespace = cluster.namespace("strict").await?;
    let operated = watching(cluster, &[&namespace], true).await?;
    let place = Place::in_namespace(operated, namespace.clone()).await?;
    place.apply(&voter()).await?;
    place.apply(&removing()).await?;
    let message = place.condition("Accepted", "False", "RemoveNeedsClusterRole").await?;
    assert!(message.contains("found Remove, expected Retain"), "{message}");
    place.condition("Stalled", "True", "RemoveNeedsClusterRole").await?;
    assert_eq!(place.binding().await?.metadata.finalizers, None);

    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;

    let operator = cluster
        .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
        .await?;
    let own = format!("--lease-namespace={}", chart::NAMESPACE);
    let list = format!("--watch-namespaces={namespace}");
    let (code, text) = operator_process::command(&operator, &["preflight", &own, &list, "--strict-rbac"]).await?;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("signerbindings.signer.atto.cash is served"), "{text}");
    let (code, text) = operator_process::command(&operator, &["preflight", &own, &list]).await?;
    assert_eq!(code, Some(77), "{text}");
    assert!(
        text.contains("the user of this command lacks: get signerbindings.signer.atto.cash, list"),
        "{text}"
    );
    operated.stop()
}
