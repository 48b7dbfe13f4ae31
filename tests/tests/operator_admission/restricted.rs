//! A namespace that enforces Pod Security `restricted` admits pods of the injected template.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::json;
use tests::operated::{Place, VOTER, binding, voter, with};
use tests::pods;

#[tokio::test]
async fn the_injected_template_is_admitted() -> Result<()> {
    let place = Place::new("restricted").await?;
    let admin = place.operated.plane.admin();
    let label = "pod-security.kubernetes.io/enforce=restricted";
    admin
        .kubectl_ok(&["label", "namespace", &place.namespace, label])
        .await?;
    let pod = json!({"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}});
    let container = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let mut restricted = with(voter(), "/spec/template/spec/securityContext", pod);
    for index in 0..2 {
        restricted["spec"]["template"]["spec"]["containers"][index]["securityContext"] = container.clone();
    }
    place.apply(&restricted).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    place.condition("RolledOut", "True", "RolledOut").await?;
    let pods: Api<Pod> = Api::namespaced(place.client.clone(), &place.namespace);
    let selected = pods
        .list(&ListParams::default().labels("signer.atto.cash/deployment=voter"))
        .await?;
    let spec = selected
        .items
        .first()
        .and_then(|pod| pod.spec.clone())
        .context("no pod")?;
    let names: Vec<_> = spec
        .init_containers
        .iter()
        .flatten()
        .map(|each| each.name.clone())
        .collect();
    assert_eq!(names, ["signer"]);

    // Without the signer's own restrictions, the same pod is refused.
    let mut loose = place.deployment().await?["spec"]["template"].clone();
    loose["spec"]["initContainers"][0]["securityContext"] = json!({});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "loose"}, "spec": loose["spec"]});
    let answer = place.kubectl(&["create", "-f", "-"], &pod.to_string()).await?;
    assert!(
        !answer.succeeded && answer.stderr.contains("restricted"),
        "{}",
        answer.stderr
    );
    Ok(())
}
