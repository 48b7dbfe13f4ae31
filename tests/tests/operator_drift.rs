//! What somebody does to an injected Deployment: our own things are put back, without a fight and without noise.

use std::time::Duration;

use anyhow::{Result, ensure};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tests::operated::{Place, SOON, VOTER, binding, voter, with};
use tests::{chart, eventually, signer_process};

fn signer_image(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["spec"]["initContainers"][0]["image"]
}

async fn repaired(place: &Place, before: &Value) -> Result<Value> {
    eventually(SOON, "the injection put back", async || {
        let after = place.deployment().await?;
        ensure!(
            after["spec"]["template"] == before["spec"]["template"],
            "{}",
            after["spec"]["template"]
        );
        Ok(after)
    })
    .await
}

#[tokio::test]
async fn an_image_set_by_hand_is_put_back_with_one_event() -> Result<()> {
    let place = Place::new("set-image").await?;
    let before = place.injected().await?;
    place
        .kubectl_ok(&["set", "image", "deployment/voter", "signer=registry.example/other:1"])
        .await?;
    let after = repaired(&place, &before).await?;
    assert_eq!(signer_image(&after), signer_image(&before));
    for kind in ["SignerBinding", "Deployment"] {
        eventually(SOON, "one Event", async || {
            let events = place.events(kind).await?;
            let repairs = events.iter().filter(|(reason, _)| reason == "DriftRepaired").count();
            ensure!(repairs == 1, "{kind}: {events:?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_next_change_goes_through_although_kubectl_owns_the_field() -> Result<()> {
    let place = Place::new("set-then-change").await?;
    place.injected().await?;
    place
        .kubectl_ok(&[
            "set",
            "env",
            "deployment/voter",
            "-c",
            "signer",
            "ATTO_SIGNER_PORT=9999",
        ])
        .await?;
    place
        .apply(&with(binding(), "/spec/signer", json!({"ports": {"api": 19090}})))
        .await?;
    eventually(SOON, "the new port", async || {
        let deployment = place.deployment().await?;
        let text = deployment["spec"]["template"]["spec"]["initContainers"].to_string();
        ensure!(text.contains("\"19090\"") && !text.contains("9999"), "{text}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_manager_that_applies_our_field_is_not_fought() -> Result<()> {
    let place = Place::new("apply-war").await?;
    place.injected().await?;
    let theirs = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": VOTER},
        "spec": {"template": {"spec": {"initContainers": [{"name": "signer", "image": "registry.example/other:1"}]}}},
    });
    place
        .apply_with(
            &theirs,
            &["--server-side", "--force-conflicts", "--field-manager=argocd"],
        )
        .await?;
    let message = place.condition("Injected", "False", "FieldConflict").await?;
    for part in ["signer", "image", "argocd"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(signer_image(&place.deployment().await?), "registry.example/other:1");
    Ok(())
}

#[tokio::test]
async fn a_stranger_that_never_stops_is_told_of_and_left() -> Result<()> {
    let place = Place::new("contested").await?;
    place.injected().await?;
    for number in 0..5 {
        let image = format!("signer=registry.example/other:{number}");
        let before = place.deployment().await?;
        place.kubectl_ok(&["set", "image", "deployment/voter", &image]).await?;
        repaired(&place, &before).await?;
    }
    place
        .kubectl_ok(&["set", "image", "deployment/voter", "signer=registry.example/other:5"])
        .await?;
    let message = place.condition("Injected", "False", "Contested").await?;
    assert!(message.contains("kubectl-set"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_removed_service_comes_back() -> Result<()> {
    let place = Place::new("service").await?;
    place.injected().await?;
    let uid = ["get", "service", "voter-signer", "-o", "jsonpath={.metadata.uid}"];
    let before = place.kubectl_ok(&uid).await?;
    place.kubectl_ok(&["delete", "service", "voter-signer"]).await?;
    eventually(SOON, "the Service", async || {
        let after = place.kubectl_ok(&uid).await?;
        ensure!(after != before, "still the old one");
        Ok(())
    })
    .await?;
    place
        .kubectl_ok(&[
            "patch",
            "service",
            "voter-signer",
            "-p",
            "{\"spec\":{\"selector\":{\"app\":\"other\"}}}",
        ])
        .await?;
    let selector = ["get", "service", "voter-signer", "-o", "jsonpath={.spec.selector}"];
    eventually(SOON, "the selector put back", async || {
        let found = place.kubectl_ok(&selector).await?;
        ensure!(found.contains("\"signer.atto.cash/deployment\":\"voter\""), "{found}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_restored_backup_is_adopted() -> Result<()> {
    let place = Place::new("backup").await?;
    let mut backup = place.injected().await?;
    place.kubectl_ok(&["delete", "deployment", "voter"]).await?;
    for field in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "managedFields",
    ] {
        backup["metadata"]
            .as_object_mut()
            .map(|metadata| metadata.remove(field));
    }
    let api: Api<kube::api::DynamicObject> = Api::namespaced_with(
        place.client.clone(),
        &place.namespace,
        &kube::discovery::ApiResource::erase::<k8s_openapi::api::apps::v1::Deployment>(&()),
    );
    api.create(
        &kube::api::PostParams::default(),
        &serde_json::from_value(backup.clone())?,
    )
    .await?;
    eventually(SOON, "our field manager on the restored object", async || {
        let fields = place.deployment().await?["metadata"]["managedFields"].to_string();
        ensure!(fields.contains("\"signer-operator\""), "{fields}");
        Ok(())
    })
    .await?;
    place.condition("Injected", "True", "Injected").await?;
    assert_eq!(
        place.deployment().await?["spec"]["template"],
        backup["spec"]["template"]
    );
    Ok(())
}

#[tokio::test]
async fn a_renamed_node_container_is_waited_for_and_never_created() -> Result<()> {
    let place = Place::new("renamed").await?;
    place.injected().await?;
    place
        .apply(&with(binding(), "/spec/target/container", json!("validator")))
        .await?;
    place.condition("Injected", "False", "ContainerNotFound").await?;
    let containers = place.deployment().await?["spec"]["template"]["spec"]["containers"].clone();
    assert_eq!(containers.as_array().map(Vec::len), Some(2));
    Ok(())
}

/// Forced by touching the Deployment, which wakes its binding. What is counted is what the API server saw.
#[tokio::test]
async fn a_hundred_reconciles_of_a_settled_binding_write_nothing() -> Result<()> {
    let place = Place::new("quiet").await?;
    place.injected().await?;
    place.condition("RolledOut", "False", "Progressing").await?;
    let reconciles = || async {
        let port = place.operated.operator.admin_port();
        let text = tokio::task::spawn_blocking(move || signer_process::get(port, "/metrics"))
            .await??
            .body;
        let count = text
            .lines()
            .filter_map(|line| line.strip_prefix("signer_operator_reconciles_total{result=\"ok\"} "))
            .find_map(|number| number.parse::<u64>().ok());
        Ok::<_, anyhow::Error>(count.unwrap_or_default())
    };
    let writes = || -> Result<usize> {
        Ok(place
            .operated
            .plane
            .requests()?
            .iter()
            .filter(|request| {
                request.user() == chart::OPERATOR && request.namespace() == place.namespace && request.is_write()
            })
            .count())
    };
    let versions = || async {
        let service = place
            .kubectl_ok(&[
                "get",
                "service",
                "voter-signer",
                "-o",
                "jsonpath={.metadata.resourceVersion}",
            ])
            .await?;
        Ok::<_, anyhow::Error>((service, place.binding().await?.metadata.resource_version))
    };
    // The pods are created behind the injection; their count is the last thing that the status waits for.
    eventually(SOON, "no more writes", async || {
        let before = (writes()?, reconciles().await?);
        tokio::time::sleep(Duration::from_secs(1)).await;
        ensure!((writes()?, reconciles().await?) == before, "the operator still works");
        Ok(())
    })
    .await?;
    let (writes_before, versions_before) = (writes()?, versions().await?);
    let deployments: Api<k8s_openapi::api::apps::v1::Deployment> =
        Api::namespaced(place.client.clone(), &place.namespace);
    let mut version = None;
    for number in 0..100 {
        let before = reconciles().await?;
        // A label moves the resourceVersion and nothing that the Deployment controller cares about.
        let touch = json!({"metadata": {"labels": {"touched": number.to_string()}}});
        let touched = deployments
            .patch(VOTER, &PatchParams::default(), &Patch::Merge(touch))
            .await?;
        version = touched.metadata.resource_version;
        eventually(SOON, "a reconcile", async || {
            ensure!(reconciles().await? > before, "none since the touch");
            Ok(())
        })
        .await?;
    }
    assert_eq!(writes()?, writes_before, "the operator wrote at steady state");
    assert_eq!(versions().await?, versions_before);
    assert_eq!(deployments.get(VOTER).await?.metadata.resource_version, version);
    Ok(())
}

#[tokio::test]
async fn a_restart_of_the_operator_writes_nothing() -> Result<()> {
    let place = Place::new("restart").await?;
    place.apply(&voter()).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    let before = (
        place.deployment().await?["metadata"]["generation"].clone(),
        place.binding().await?.metadata.generation,
    );
    let second = tests::operator_process::OperatorProcess::start(place.operated.plane, &[]).await?;
    let port = second.admin_port();
    eventually(SOON, "the second operator's first reconciles", async || {
        let text = tokio::task::spawn_blocking(move || signer_process::get(port, "/metrics"))
            .await??
            .body;
        ensure!(
            text.contains("signer_operator_reconciles_total{result=\"ok\"}"),
            "none yet"
        );
        ensure!(
            !text.contains("signer_operator_writes_total{kind=\"Deployment\""),
            "it wrote a Deployment:\n{text}"
        );
        Ok(())
    })
    .await?;
    let status = second.stop()?;
    assert!(status.success(), "SIGTERM ended the operator with {status}");
    let after = (
        place.deployment().await?["metadata"]["generation"].clone(),
        place.binding().await?.metadata.generation,
    );
    assert_eq!(after, before);
    Ok(())
}
