//! Other clients change an injected Deployment. The operator restores its own fields, with few writes and few Events.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::eventually;
use tests::operated::{Place, SOON, VOTER, binding, voter, with};

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
    place.injected().await?;
    place.pause().await?;
    let before = place.deployment().await?;
    place
        .kubectl_ok(&["set", "image", "deployment/voter", "signer=registry.example/other:1"])
        .await?;
    let after = repaired(&place, &before).await?;
    assert_eq!(signer_image(&after), signer_image(&before));
    place.told_once("DriftRepaired").await?;
    let metrics = place.operated.get("/metrics").await?.body;
    let mut lines = metrics.lines();
    let events = place.events("SignerBinding").await?;
    let mut notes = events.iter().filter(|(reason, _)| reason == "DriftRepaired");
    let names_the_manager = notes.any(|(_, note)| note.contains("field manager kubectl-set had changed"));
    ensure!(names_the_manager, "{events:?}");
    let named = format!(
        "atto_signer_operator_binding_repairs_total{{deployment=\"{VOTER}\",name=\"{VOTER}\",namespace=\"{}\"}} 1",
        place.namespace
    );
    ensure!(metrics.lines().any(|line| line == named), "{metrics}");
    // Other tests of this file have repairs as well.
    let counted = lines.find_map(|line| line.strip_prefix("atto_signer_operator_repairs_total "));
    ensure!(counted.is_some_and(|counted| counted != "0"), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn the_next_change_goes_through_although_kubectl_owns_the_field() -> Result<()> {
    let place = Place::new("set-then-change").await?;
    place.injected().await?;
    place.pause().await?;
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
    place.pause().await?;
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
    let metrics = place.operated.get("/metrics").await?.body;
    let series = "atto_signer_operator_conflicts_total{cause=\"field\",kind=\"Deployment\"}";
    assert!(tests::metrics::sum(&metrics, series)? > 0.0, "{metrics}");
    Ok(())
}

#[tokio::test]
async fn a_stranger_that_never_stops_is_told_of_and_left() -> Result<()> {
    let place = Place::new("contested").await?;
    place.injected().await?;
    place.pause().await?;
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
async fn a_stranger_that_takes_the_signer_out_for_ever_is_told_of_and_answered_less_often() -> Result<()> {
    let place = Place::new("stripped").await?;
    place.injected().await?;
    place.pause().await?;
    let before = place.deployment().await?;
    let bare = with(voter(), "/spec/paused", json!(true));
    for _ in 0..5 {
        place.replace(async || Ok(bare.clone())).await?;
        repaired(&place, &before).await?;
    }
    place.replace(async || Ok(bare.clone())).await?;
    let message = place.condition("Injected", "False", "Contested").await?;
    for part in ["Deployment voter", "5 times within an hour", "guard.enabled"] {
        assert!(message.contains(part), "{part:?} is missing in {message}");
    }
    // A person's change in the meantime does not wait.
    let changed = with(binding(), "/spec/signer", json!({"logLevel": "debug"}));
    place.apply(&changed).await?;
    place.condition("Injected", "True", "Injected").await?;
    let log = signer_image(&place.deployment().await?).clone();
    assert_eq!(&log, signer_image(&before));
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
    // The Service's owner leads to the binding. The operator finds the binding without the owner too.
    let edit = r#"{"metadata":{"ownerReferences":null},"spec":{"selector":{"app":"other"}}}"#;
    place
        .kubectl_ok(&["patch", "service", "voter-signer", "--type=merge", "-p", edit])
        .await?;
    let ours = [
        "get",
        "service",
        "voter-signer",
        "-o",
        "jsonpath={.spec.selector}{.metadata.ownerReferences[*].name}",
    ];
    eventually(SOON, "selector and owner put back", async || {
        let found = place.kubectl_ok(&ours).await?;
        ensure!(
            found.contains("\"signer.atto.cash/deployment\":\"voter\"") && found.ends_with("voter"),
            "{found}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_restored_backup_is_adopted() -> Result<()> {
    let place = Place::new("backup").await?;
    let before = place.injected().await?;
    place.restore_from_backup().await?;
    place.condition("Injected", "True", "Injected").await?;
    assert_eq!(
        place.deployment().await?["spec"]["template"],
        before["spec"]["template"]
    );
    Ok(())
}

/// An object as a backup tool restores it: without owners and managed fields.
fn backup_of(mut object: Value) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|field, _| ["name", "namespace", "labels", "annotations"].contains(&field.as_str()));
    }
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    object
}

#[tokio::test]
async fn a_restored_namespace_is_adopted_with_its_service_and_its_account() -> Result<()> {
    let place = Place::new("restored").await?;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "voter"}});
    place.apply(&account).await?;
    let manifest = with(voter(), "/spec/template/spec/serviceAccountName", json!("voter"));
    place.apply(&manifest).await?;
    let version = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
    let mut in_google = with(binding(), "/spec/key", json!({"gcp": {"keyVersion": version}}));
    in_google["spec"]["workloadIdentity"] = json!({"gcpServiceAccount": "signer@p.iam.gserviceaccount.com"});
    place.apply(&in_google).await?;
    place.condition("Injected", "True", "Injected").await?;

    let objects = ["serviceaccount/voter", "service/voter-signer", "deployment/voter"];
    let mut backups = vec![];
    for object in objects {
        let found = place.kubectl_ok(&["get", object, "-o", "json"]).await?;
        backups.push(backup_of(serde_json::from_str(&found)?));
    }
    place.kubectl_ok(&["delete", "signerbinding", VOTER]).await?;
    for object in objects {
        place.kubectl_ok(&["delete", "--ignore-not-found", object]).await?;
    }
    for backup in &backups {
        let answer = place
            .kubectl(
                &["create", "--field-manager=velero-server", "-f", "-"],
                &backup.to_string(),
            )
            .await?;
        ensure!(answer.succeeded, "{}", answer.stderr);
    }
    place.apply(&in_google).await?;
    place.condition("Injected", "True", "Injected").await?;
    place
        .condition("IdentityReady", "Unknown", "ServiceAccountAnnotated")
        .await?;
    assert_eq!(
        place.deployment().await?["spec"]["template"],
        backups[2]["spec"]["template"],
        "pods would be replaced"
    );
    let service = place
        .kubectl_ok(&["get", "service", "voter-signer", "-o", "json"])
        .await?;
    let service: Value = serde_json::from_str(&service)?;
    assert_eq!(service["spec"]["selector"], backups[1]["spec"]["selector"]);
    assert_eq!(service["metadata"]["ownerReferences"][0]["name"], VOTER, "{service}");
    place.is_quiet().await
}

#[tokio::test]
async fn the_node_container_is_renamed_on_a_paused_deployment() -> Result<()> {
    for arguments in [vec![], vec!["--server-side", "--field-manager=flux"]] {
        let place = Place::new("rename").await?;
        place.apply_with(&voter(), &arguments).await?;
        place.apply(&binding()).await?;
        place.condition("Injected", "True", "Injected").await?;
        let mut renamed = with(voter(), "/spec/paused", json!(true));
        place.apply_with(&renamed, &arguments).await?;
        place
            .apply(&with(binding(), "/spec/target/container", json!("validator")))
            .await?;
        place.condition("Injected", "False", "ContainerNotFound").await?;
        // Only the variables are removed, so that the guard still recognises the voter.
        let template = place.deployment().await?["spec"]["template"].clone();
        assert!(
            !template["spec"]["containers"].to_string().contains("ATTO_SIGNER"),
            "{template}"
        );
        assert_eq!(template["spec"]["initContainers"][0]["name"], "signer", "{template}");
        assert!(
            template["metadata"]["annotations"]["signer.atto.cash/hash"].is_string(),
            "{template}"
        );
        renamed["spec"]["template"]["spec"]["containers"][0]["name"] = json!("validator");
        place.apply_with(&renamed, &arguments).await?;
        place.condition("Injected", "True", "Injected").await?;
        let containers = place.deployment().await?["spec"]["template"]["spec"]["containers"].clone();
        assert_eq!(containers.as_array().map(Vec::len), Some(2), "{containers}");
        assert_eq!(containers[0]["name"], "validator");
        assert!(
            containers[0].to_string().contains("ATTO_SIGNER_REMOTE_TOKEN"),
            "{containers}"
        );
        place
            .apply_with(&with(renamed, "/spec/paused", json!(false)), &arguments)
            .await?;
        place.condition("Injected", "True", "Injected").await?;
    }
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

/// A pod with one container of any name, and a binding that does not name it.
fn single() -> Value {
    with(
        voter(),
        "/spec/template/spec/containers",
        json!([{"name": "validator", "image": "registry.example/node:1"}]),
    )
}

fn with_another(name: &str) -> Value {
    let containers = json!([
        {"name": "validator", "image": "registry.example/node:1"},
        {"name": name, "image": "registry.example/other:1"},
    ]);
    with(voter(), "/spec/template/spec/containers", containers)
}

async fn container(place: &Place, index: usize) -> Result<String> {
    Ok(place.deployment().await?["spec"]["template"]["spec"]["containers"][index].to_string())
}

#[tokio::test]
async fn a_paused_voter_that_gets_a_second_container_keeps_its_signer() -> Result<()> {
    let place = Place::new("second").await?;
    place.apply(&single()).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    let paused = with(with_another("log-shipper"), "/spec/paused", json!(true));
    place.apply(&paused).await?;
    place.condition("Injected", "False", "ContainerNotFound").await?;
    let template = place.deployment().await?["spec"]["template"].clone();
    assert_eq!(template["spec"]["initContainers"][0]["name"], "signer", "{template}");
    assert!(
        container(&place, 0).await?.contains("ATTO_SIGNER_REMOTE_URL"),
        "{template}"
    );

    // A new and wrong binding does not remove it from there either.
    place.kubectl_ok(&["delete", "sb", VOTER]).await?;
    place
        .apply(&tests::operated::secret("other-key", "value", &"1".repeat(64)))
        .await?;
    let mut other = with(binding(), "/metadata/name", json!("other"));
    other["spec"]["target"]["container"] = json!("misspelt");
    other["spec"]["key"]["local"]["secretRef"]["name"] = json!("other-key");
    place.apply(&other).await?;
    place
        .condition_of("other", "Injected", "False", "ContainerNotFound")
        .await?;
    assert_eq!(place.deployment().await?["spec"]["template"], template);
    Ok(())
}

#[tokio::test]
async fn another_container_waits_while_the_one_with_the_signer_runs() -> Result<()> {
    let place = Place::new("another").await?;
    place.apply(&single()).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    // No container is named in the binding. Now there are several, and one has the default name.
    place.apply(&with_another("node")).await?;
    let message = place.condition("Injected", "False", "ContainerChangePending").await?;
    for part in ["spec.target.container: not set", "container validator", "rollout pause"] {
        assert!(message.contains(part), "{part:?} is missing in {message}");
    }
    let named = |name: &str| with(binding(), "/spec/target/container", json!(name));
    place.apply(&named("validator")).await?;
    place.condition("Injected", "True", "Injected").await?;
    place.apply(&named("node")).await?;
    place.condition("Injected", "False", "ContainerChangePending").await?;
    assert!(container(&place, 0).await?.contains("ATTO_SIGNER_REMOTE_URL"));
    assert!(!container(&place, 1).await?.contains("ATTO_SIGNER"));

    let plan = place.binding().await?.status.and_then(|status| status.plan);
    let hash = plan.map(|plan| plan.hash).unwrap_or_default();
    place
        .kubectl_ok(&["annotate", "sb", VOTER, &format!("signer.atto.cash/approve={hash}")])
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    assert!(container(&place, 1).await?.contains("ATTO_SIGNER_REMOTE_URL"));

    // Without running pods, the change does not wait.
    place.kubectl_ok(&["rollout", "pause", "deployment/voter"]).await?;
    place.apply(&named("validator")).await?;
    place.condition("Injected", "True", "Injected").await?;
    assert!(container(&place, 0).await?.contains("ATTO_SIGNER_REMOTE_URL"));
    assert!(!container(&place, 1).await?.contains("ATTO_SIGNER"));
    Ok(())
}
