//! When the operator tries a pod, and the limits of its right to create pods.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use tests::operated::{Place, SOON, VOTER, binding, voter, with};
use tests::{chart, eventually, pods};

use super::support::{is_injected_and_rolled_out, quota, recreating, runs, says, tried};

#[tokio::test]
async fn a_pod_is_tried_once_for_each_change_and_leaves_nothing() -> Result<()> {
    let place = Place::new("once").await?;
    runs(&place, &recreating()).await?;
    place.apply(&binding()).await?;
    is_injected_and_rolled_out(&place).await?;
    assert_eq!(tried(&place)?, 1);
    let all: Api<Pod> = Api::namespaced(place.client.clone(), &place.namespace);
    assert_eq!(
        all.list(&ListParams::default()).await?.items.len(),
        1,
        "a tried pod is there"
    );

    // The operator's fields are unchanged, or are only restored.
    place.kubectl_ok(&["annotate", "sb", VOTER, "note=1"]).await?;
    place
        .kubectl_ok(&["set", "env", "deployment/voter", "-c", "node", "A=1"])
        .await?;
    place.pause().await?;
    let whole = place.deployment().await?["spec"]["template"].clone();
    place
        .kubectl_ok(&["set", "image", "deployment/voter", "signer=registry.example/other:1"])
        .await?;
    eventually(SOON, "the image put back", async || {
        let now = place.deployment().await?["spec"]["template"].clone();
        ensure!(now == whole, "not yet");
        Ok(())
    })
    .await?;
    place.resume().await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    place.is_quiet().await?;
    assert_eq!(tried(&place)?, 1);

    place
        .apply(&with(binding(), "/spec/signer", json!({"logLevel": "debug"})))
        .await?;
    is_injected_and_rolled_out(&place).await?;
    assert_eq!(tried(&place)?, 2);
    Ok(())
}

#[tokio::test]
async fn where_no_pod_starts_none_is_tried() -> Result<()> {
    let paused = with(voter(), "/spec/paused", json!(true));
    let at_zero = with(voter(), "/spec/replicas", json!(0));
    for (prefix, manifest) in [("paused", paused), ("zero", at_zero)] {
        let place = Place::new(prefix).await?;
        pods::default_account(&place.client, &place.namespace).await?;
        place.apply(&manifest).await?;
        place.apply(&binding()).await?;
        place.condition("Injected", "True", "Injected").await?;
        assert_eq!(tried(&place)?, 0, "{prefix}");
    }
    Ok(())
}

#[tokio::test]
async fn a_voter_that_no_pod_runs_of_gets_its_signer_whatever_is_refused() -> Result<()> {
    let place = Place::new("nothing-runs").await?;
    pods::default_account(&place.client, &place.namespace).await?;
    quota(&place, &json!({"pods": "0"})).await?;
    place.injected().await?;
    let message = place.condition("RolledOut", "False", "PodsNotCreated").await?;
    says(&message, &["exceeded quota", "ResourceQuota"]);
    // Once the quota has room, the voter starts with its signer.
    quota(&place, &json!({"pods": "5"})).await?;
    is_injected_and_rolled_out(&place).await
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "mine"},
        "spec": {"containers": [{"name": "c", "image": "registry.example/c:1"}]},
    })
}

#[tokio::test]
async fn the_operators_account_can_try_a_pod_and_create_none() -> Result<()> {
    let place = Place::new("account").await?;
    pods::default_account(&place.client, &place.namespace).await?;
    let operator = place
        .operated
        .plane
        .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
        .await?;
    let create = async |arguments: &[&str]| {
        let arguments = [&["--namespace", &place.namespace, "create", "-f", "-"], arguments].concat();
        operator
            .kubectl_in(std::path::Path::new("."), &arguments, &pod().to_string())
            .await
    };
    let created = create(&[]).await?;
    assert!(!created.succeeded, "{}", created.stdout);
    says(
        &created.stderr,
        &[
            "the signer operator may create no pod",
            "ServiceAccount signer-operator",
        ],
    );
    let tried = create(&["--dry-run=server"]).await?;
    assert!(tried.succeeded, "{}", tried.stderr);
    // The policy limits only the operator.
    place.apply(&pod()).await?;
    Ok(())
}
