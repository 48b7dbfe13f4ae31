//! The operator's refusals: each has its reason, names the found value, and leaves the Deployment unchanged.

use anyhow::Result;
use serde_json::{Value, json};
use tests::operated::{Place, VOTER, binding, secret, voter, with};

/// Applies both, waits for the condition, and checks that nothing was written.
async fn refused(place: &Place, deployment: &Value, binding: &Value, type_: &str, reason: &str) -> Result<String> {
    place.apply(deployment).await?;
    let before = place.deployment().await?;
    place.apply(binding).await?;
    let message = place.condition(type_, "False", reason).await?;
    let ready = place.condition("Ready", "False", reason).await?;
    assert_eq!(message, ready, "Ready says something else than {type_}");
    let after = place.deployment().await?;
    assert_eq!(after["spec"], before["spec"], "something was written");
    assert!(
        after["metadata"]["managedFields"]
            .to_string()
            .find("signer-operator")
            .is_none()
    );
    let services = place.kubectl_ok(&[
        "get",
        "services",
        "-l",
        "app.kubernetes.io/managed-by=signer-operator",
        "-o",
        "name",
    ]);
    assert_eq!(services.await?, "");
    Ok(message)
}

fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
}

#[tokio::test]
async fn an_image_of_somebody_else_is_not_run() -> Result<()> {
    let place = Place::new("image").await?;
    let changed = with(binding(), "/spec/signer", json!({"image": "registry.example/evil:1"}));
    let message = refused(&place, &voter(), &changed, "Accepted", "ImageNotAllowed").await?;
    assert_says(
        &message,
        &[
            "spec.signer.image",
            "registry.example/evil:1",
            "--allowed-signer-images",
        ],
    );
    Ok(())
}

#[tokio::test]
async fn a_second_binding_waits_for_the_first_to_go() -> Result<()> {
    let place = Place::new("second").await?;
    place.injected().await?;
    // Creation times have whole seconds. Within one second, the name decides.
    let second = with(
        with(binding(), "/metadata/name", json!("z-second")),
        "/spec/signer",
        json!({"logLevel": "debug"}),
    );
    place.apply(&second).await?;
    let message = place
        .condition_of("z-second", "Accepted", "False", "TargetTaken")
        .await?;
    assert_says(&message, &["SignerBinding voter", "older"]);
    place.kubectl_ok(&["delete", "sb", "voter"]).await?;
    place.condition_of("z-second", "Injected", "True", "Injected").await?;
    Ok(())
}

#[tokio::test]
async fn a_token_that_cannot_be_used_injects_nothing() -> Result<()> {
    for (name, value, reason) in [
        ("absent", None, "SecretNotFound"),
        ("empty", Some(("value", "")), "TokenEmpty"),
        ("weak", Some(("value", "fifteen-bytes-x")), "TokenWeak"),
        (
            "newline",
            Some(("value", "0123456789abcdef0123456789abcdef\n")),
            "TokenInvalid",
        ),
        (
            "wrong-key",
            Some(("other", "0123456789abcdef0123456789abcdef")),
            "SecretKeyNotFound",
        ),
    ] {
        let place = Place::new("token").await?;
        if let Some((key, value)) = value {
            place.apply(&secret(name, key, value)).await?;
        }
        let changed = with(binding(), "/spec/tokenSecretRef/name", json!(name));
        let message = refused(&place, &voter(), &changed, "TokenReady", reason).await?;
        assert_says(&message, &["spec.tokenSecretRef", name]);
        assert!(!message.contains("fifteen-bytes-x"), "the token shows: {message}");
        place.condition("Injected", "False", "TokenNotReady").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_secret_that_comes_later_is_found() -> Result<()> {
    let place = Place::new("later-secret").await?;
    place.apply(&voter()).await?;
    place
        .apply(&with(binding(), "/spec/tokenSecretRef/name", json!("late")))
        .await?;
    place.condition("TokenReady", "False", "SecretNotFound").await?;
    place
        .apply(&secret("late", "value", "0123456789abcdef0123456789abcdef"))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    Ok(())
}

#[tokio::test]
async fn a_running_injection_is_left_alone_when_its_token_goes() -> Result<()> {
    let place = Place::new("token-gone").await?;
    let before = place.injected().await?;
    place.kubectl_ok(&["delete", "secret", "token"]).await?;
    // Any change of the binding causes an immediate reconcile, instead of one within a minute.
    place.kubectl_ok(&["annotate", "sb", "voter", "look=again"]).await?;
    place.condition("TokenReady", "False", "SecretNotFound").await?;
    place.condition("Injected", "True", "Injected").await?;
    assert_eq!(place.deployment().await?["spec"], before["spec"]);
    Ok(())
}

#[tokio::test]
async fn a_local_key_that_is_not_there_is_refused() -> Result<()> {
    for (reference, named) in [
        (json!({"name": "no-such-secret", "key": "value"}), "no-such-secret"),
        (json!({"name": "key", "key": "no-such-key"}), "no-such-key"),
    ] {
        let place = Place::new("key").await?;
        let changed = with(binding(), "/spec/key/local/secretRef", reference);
        let message = refused(&place, &voter(), &changed, "Injected", "KeyNotFound").await?;
        assert_says(&message, &["spec.key.local.secretRef", named]);
    }
    Ok(())
}

#[tokio::test]
async fn a_missing_deployment_is_waited_for() -> Result<()> {
    let place = Place::new("missing").await?;
    place.apply(&binding()).await?;
    let message = place.condition("Injected", "False", "DeploymentNotFound").await?;
    assert_says(&message, &["spec.target.name", VOTER]);
    place.apply(&voter()).await?;
    place.condition("Injected", "True", "Injected").await?;
    Ok(())
}

#[tokio::test]
async fn a_missing_container_is_named_with_those_there_are() -> Result<()> {
    let place = Place::new("container").await?;
    let changed = with(binding(), "/spec/target/container", json!("atto"));
    let message = refused(&place, &voter(), &changed, "Injected", "ContainerNotFound").await?;
    assert_says(&message, &["spec.target.container", "atto", "node, exporter"]);
    Ok(())
}

#[tokio::test]
async fn a_port_that_the_pod_declares_is_not_taken() -> Result<()> {
    let place = Place::new("port").await?;
    let taken = with(
        voter(),
        "/spec/template/spec/containers/1/ports",
        json!([{"containerPort": 9091}]),
    );
    let message = refused(&place, &taken, &binding(), "Injected", "PortConflict").await?;
    assert_says(&message, &["9091", "exporter", "spec.signer.ports.management"]);
    let moved = with(binding(), "/spec/signer", json!({"ports": {"management": 19091}}));
    place.apply(&moved).await?;
    place.condition("Injected", "True", "Injected").await?;
    Ok(())
}

#[tokio::test]
async fn the_documented_hand_written_signer_is_not_touched() -> Result<()> {
    for list in ["containers", "initContainers"] {
        let place = Place::new("foreign").await?;
        let mut by_hand = voter();
        let signer = json!({"name": "signer", "image": "registry.example/signer:1"});
        match by_hand["spec"]["template"]["spec"][list].as_array_mut() {
            Some(containers) => containers.push(signer),
            None => by_hand["spec"]["template"]["spec"][list] = json!([signer]),
        }
        let message = refused(&place, &by_hand, &binding(), "Injected", "ForeignSigner").await?;
        assert_says(&message, &["signer", list, "pause"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_variable_with_another_value_is_named_with_its_manager() -> Result<()> {
    for (value, arguments, manager) in [
        (
            json!({"value": "http://signer.example"}),
            vec![],
            "kubectl-client-side-apply",
        ),
        (
            json!({"value": "http://signer.example"}),
            vec!["--server-side", "--field-manager=flux"],
            "flux",
        ),
        (
            json!({"valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}}),
            vec![],
            "kubectl-client-side-apply",
        ),
    ] {
        let place = Place::new("variable").await?;
        let mut theirs = voter();
        let mut entry = json!({"name": "ATTO_SIGNER_REMOTE_URL"});
        for (field, value) in value.as_object().into_iter().flatten() {
            entry[field] = value.clone();
        }
        theirs["spec"]["template"]["spec"]["containers"][0]["env"] = json!([entry]);
        place.apply_with(&theirs, &arguments).await?;
        place.apply(&binding()).await?;
        let message = place.condition("Injected", "False", "FieldConflict").await?;
        assert_says(&message, &["node", "ATTO_SIGNER_REMOTE_URL", manager]);
        // Resolved without a restart as soon as the manifest is right.
        place.apply_with(&voter(), &arguments).await?;
        place.condition("Injected", "True", "Injected").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_foreign_service_of_our_name_is_not_taken_over() -> Result<()> {
    let place = Place::new("service").await?;
    let foreign = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "voter-signer"},
        "spec": {"selector": {"app": "other"}, "ports": [{"port": 80}]},
    });
    place.apply(&foreign).await?;
    let message = refused(&place, &voter(), &binding(), "Injected", "ServiceConflict").await?;
    assert_says(&message, &["voter-signer"]);
    Ok(())
}

#[tokio::test]
async fn what_the_api_server_refuses_is_told_in_its_words() -> Result<()> {
    let place = Place::new("rejected").await?;
    // Passes the binding's schema, but a request exceeds its limit.
    let changed = with(
        binding(),
        "/spec/signer",
        json!({"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "64Mi"}}}),
    );
    let message = refused(&place, &voter(), &changed, "Injected", "Rejected").await?;
    assert_says(&message, &["must be less than or equal to memory limit"]);
    Ok(())
}

#[tokio::test]
async fn a_deployment_that_is_going_is_not_written() -> Result<()> {
    let place = Place::new("going").await?;
    place
        .apply(&with(voter(), "/metadata/finalizers", json!(["tests.example/hold"])))
        .await?;
    place
        .kubectl_ok(&["delete", "deployment", "voter", "--wait=false"])
        .await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "False", "DeploymentTerminating").await?;
    place
        .kubectl_ok(&[
            "patch",
            "deployment",
            "voter",
            "--type=merge",
            "-p",
            "{\"metadata\":{\"finalizers\":null}}",
        ])
        .await?;
    place.condition("Injected", "False", "DeploymentNotFound").await?;
    Ok(())
}
