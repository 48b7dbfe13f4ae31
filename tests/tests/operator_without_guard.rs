//! Where the guard is off, or the API server is too old for it: what would have been refused is put back.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Operated, Place, SOON, VOTER, binding, voter, with};
use tests::{chart, eventually, pods};

async fn place(prefix: &str) -> Result<Place> {
    Place::on(Operated::with_chart(&["--set", "guard.enabled=false"]).await?, prefix).await
}

async fn repaired(place: &Place, before: &Value) -> Result<()> {
    eventually(SOON, "the injection put back", async || {
        let after = place.deployment().await?["spec"]["template"].clone();
        ensure!(after == before["spec"]["template"], "{after}");
        Ok(())
    })
    .await?;
    place.condition("Injected", "True", "Injected").await?;
    place.told_once("DriftRepaired").await
}

/// Until the Deployment controller has seen it. A rollback needs the ReplicaSet of the template without the signer.
async fn seen(place: &Place, how: &str) -> Result<()> {
    let wait = ["wait", how, "deployment/voter", "--timeout=60s"];
    place.kubectl_ok(&wait).await.map(drop)
}

/// Back to the template before the injection.
async fn undo(place: &Place) -> Result<()> {
    seen(place, "--for=jsonpath={.status.observedGeneration}=2").await?;
    place
        .kubectl_ok(&["rollout", "undo", "deployment/voter"])
        .await
        .map(drop)
}

#[tokio::test]
async fn a_rollback_to_before_the_signer_is_put_back() -> Result<()> {
    let place = place("undo").await?;
    place.apply(&voter()).await?;
    seen(&place, "--for=condition=Progressing").await?;
    let before = place.injected().await?;
    undo(&place).await?;
    repaired(&place, &before).await
}

/// Moves token or key to another Secret, deletes the old one, and rolls back to the template that names it.
async fn a_rollback_over_a_rotation_is_put_back(spec: &Value, old: &str, value: &str) -> Result<()> {
    let place = place("rotated").await?;
    place.injected().await?;
    seen(&place, "--for=jsonpath={.status.observedGeneration}=2").await?;
    place.apply(&tests::operated::secret("new", "value", value)).await?;
    let patch = json!({ "spec": spec }).to_string();
    place
        .kubectl_ok(&["patch", "sb", VOTER, "--type=merge", "-p", &patch])
        .await?;
    seen(&place, "--for=jsonpath={.status.observedGeneration}=3").await?;
    place.condition("Injected", "True", "Injected").await?;
    place.kubectl_ok(&["delete", "secret", old]).await?;
    let before = place.deployment().await?;
    let undo = ["rollout", "undo", "deployment/voter", "--to-revision=2"];
    place.kubectl_ok(&undo).await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn a_rollback_to_a_token_that_is_gone_is_put_back() -> Result<()> {
    let spec = json!({"tokenSecretRef": {"name": "new"}});
    a_rollback_over_a_rotation_is_put_back(&spec, "token", "another-horse-battery-staple-0123456789").await
}

#[tokio::test]
async fn a_rollback_to_an_old_key_is_put_back() -> Result<()> {
    let spec = json!({"key": {"local": {"secretRef": {"name": "new"}}}});
    a_rollback_over_a_rotation_is_put_back(&spec, "key", &"1".repeat(64)).await
}

#[tokio::test]
async fn a_replace_without_the_sidecar_is_put_back() -> Result<()> {
    let place = place("replace").await?;
    let before = place.injected().await?;
    place.replace(async || Ok(voter())).await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn items_removed_by_hand_are_put_back() -> Result<()> {
    let place = place("patch").await?;
    let before = place.injected().await?;
    let patch = json!([
        {"op": "remove", "path": "/spec/template/spec/initContainers"},
        {"op": "remove", "path": "/spec/template/metadata/annotations"},
    ]);
    place
        .kubectl_ok(&["patch", "deployment", VOTER, "--type=json", "-p", &patch.to_string()])
        .await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn removal_after_a_rollback_and_back_leaves_nothing() -> Result<()> {
    let place = place("undo-remove").await?;
    place.apply(&voter()).await?;
    let before = place.deployment().await?["spec"].clone();
    seen(&place, "--for=condition=Progressing").await?;
    place
        .apply(&with(binding(), "/spec/deletionPolicy", json!("Remove")))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    let injected = place.deployment().await?;
    undo(&place).await?;
    repaired(&place, &injected).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    assert_eq!(place.deployment().await?["spec"], before);
    Ok(())
}

/// A policy that puts this container into every Deployment of the namespace that lacks it, whoever writes but the operator.
fn putting_in(signer: &Value, namespace: &str) -> [Value; 2] {
    let name = format!("put-signer-in-{namespace}");
    let api = "admissionregistration.k8s.io/v1";
    let lacks = "!object.spec.template.spec.?initContainers.orValue([]).exists(c, c.name == 'signer')";
    let policy = json!({
        "apiVersion": api, "kind": "MutatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"]}],
            },
            "matchConditions": [
                {"name": "lacks-it", "expression": lacks},
                {"name": "not-the-operator", "expression": format!("request.userInfo.username != '{}'", chart::OPERATOR)},
            ],
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": format!(
                "[JSONPatch{{op: 'add', path: '/spec/template/spec/initContainers', value: [{}]}}]", cel(signer),
            )}}],
        },
    });
    let binding = json!({
        "apiVersion": api, "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name},
    });
    [policy, binding]
}

/// A value as CEL writes it.
fn cel(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| format!("'{name}': dyn({})", cel(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let items = items.iter().map(|item| format!("dyn({})", cel(item)));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}

/// Before, there is no policy that changes objects; a webhook does the same.
mod from_kubernetes_1_36 {
    use super::*;

    #[tokio::test]
    async fn a_signer_that_a_policy_puts_back_is_adopted_and_goes_with_its_binding() -> Result<()> {
        let place = place("mutated").await?;
        place.apply(&voter()).await?;
        let bare = place.deployment().await?["spec"].clone();
        let removing = with(binding(), "/spec/deletionPolicy", json!("Remove"));
        place.apply(&removing).await?;
        place.condition("Injected", "True", "Injected").await?;
        let before = place.deployment().await?;
        let signer = before["spec"]["template"]["spec"]["initContainers"][0].clone();
        for object in putting_in(&signer, &place.namespace) {
            place.apply(&object).await?;
        }
        // While nothing is written for the binding, so that what the policy did can be seen.
        place
            .apply(&with(removing.clone(), "/spec/suspend", json!(true)))
            .await?;
        place.condition("Injected", "True", "Injected").await?;
        eventually(SOON, "the policy in force", async || {
            place.replace(async || Ok(voter())).await?;
            let after = place.deployment().await?;
            let found = after["spec"]["template"]["spec"]["initContainers"][0].clone();
            ensure!(found == signer, "{found}");
            Ok(())
        })
        .await?;
        let fields = place.deployment().await?["metadata"]["managedFields"].to_string();
        ensure!(
            !fields.contains("k:{\\\"name\\\":\\\"signer\\\"}"),
            "somebody owns the signer: {fields}"
        );
        place.apply(&removing).await?;
        repaired(&place, &before).await?;
        place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
        assert_eq!(place.deployment().await?["spec"], bare);
        Ok(())
    }
}

#[tokio::test]
async fn a_stripped_voter_does_not_wait_for_an_approval() -> Result<()> {
    let place = place("manual").await?;
    place.injected().await?;
    let mut manual = with(binding(), "/spec/rollout", json!("Manual"));
    manual["spec"]["signer"] = json!({"logLevel": "debug"});
    place.apply(&manual).await?;
    place.condition("Injected", "False", "ApprovalPending").await?;
    place.replace(async || Ok(voter())).await?;
    eventually(SOON, "the signer, as the binding asks for it now", async || {
        let template = place.deployment().await?["spec"]["template"].to_string();
        ensure!(template.contains("ATTO_SIGNER_LOG"), "{template}");
        ensure!(template.contains("ATTO_SIGNER_REMOTE_URL"), "{template}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_stripped_voter_does_not_wait_for_its_secrets() -> Result<()> {
    let place = place("secrets").await?;
    let before = place.injected().await?;
    place.kubectl_ok(&["delete", "secret", "token", "key"]).await?;
    place.kubectl_ok(&["annotate", "sb", VOTER, "look=again"]).await?;
    place.condition("TokenReady", "False", "SecretNotFound").await?;
    place.replace(async || Ok(voter())).await?;
    // The very same, so that a token that comes back is no rotation.
    repaired(&place, &before).await?;
    place.condition("TokenReady", "False", "SecretNotFound").await?;
    Ok(())
}

#[tokio::test]
async fn a_stripped_voter_does_not_wait_for_an_account_of_its_own() -> Result<()> {
    let place = place("account").await?;
    place
        .apply(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": VOTER}}))
        .await?;
    let deployment = with(voter(), "/spec/template/spec/serviceAccountName", json!(VOTER));
    let version = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
    let mut in_google = with(binding(), "/spec/key", json!({"gcp": {"keyVersion": version}}));
    in_google["spec"]["workloadIdentity"] = json!({"gcpServiceAccount": "signer@project.iam.gserviceaccount.com"});
    place.apply(&deployment).await?;
    place.apply(&in_google).await?;
    place.condition("Injected", "True", "Injected").await?;
    let before = place.deployment().await?;
    let stray = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stray"},
        "spec": {"serviceAccountName": VOTER, "containers": [{"name": "one", "image": "registry.example/one:1"}]},
    });
    place.apply(&stray).await?;
    place.kubectl_ok(&["annotate", "sb", VOTER, "look=again"]).await?;
    place
        .condition("IdentityReady", "False", "ServiceAccountShared")
        .await?;
    place.replace(async || Ok(deployment.clone())).await?;
    repaired(&place, &before).await
}

/// An edit of the signer that leaves all that the operator has written.
async fn add_to_signer(place: &Place) -> Result<()> {
    let signer = json!({
        "name": "signer",
        "args": ["--capabilities=BLOCK,VOTE,CHALLENGE"],
        "env": [{"name": "ATTO_SIGNER_POLICY_NETWORKS", "value": "LIVE"}],
    });
    let edit = json!({"spec": {"template": {"spec": {"initContainers": [signer]}}}}).to_string();
    place
        .kubectl_ok(&["patch", "deployment", VOTER, "-p", &edit])
        .await
        .map(drop)
}

#[tokio::test]
async fn what_is_added_to_the_signer_is_taken_out() -> Result<()> {
    let place = place("added").await?;
    let before = place.injected().await?;
    add_to_signer(&place).await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn what_is_added_to_the_signer_again_and_again_is_told() -> Result<()> {
    let place = place("altered").await?;
    let before = place.injected().await?;
    for _ in 0..5 {
        add_to_signer(&place).await?;
        eventually(SOON, "the injection put back", async || {
            let after = place.deployment().await?["spec"]["template"].clone();
            ensure!(after == before["spec"]["template"], "{after}");
            Ok(())
        })
        .await?;
    }
    add_to_signer(&place).await?;
    let message = place.condition("Injected", "False", "SignerAltered").await?;
    for part in ["args", "env ATTO_SIGNER_POLICY_NETWORKS", "kubectl-patch"] {
        assert!(message.contains(part), "{part:?} is missing in {message}");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_manifest_adds_to_the_signer_is_told_and_not_fought() -> Result<()> {
    let place = place("applied").await?;
    let before = place.injected().await?;
    let part = |containers: Value| json!({"template": {"spec": {"initContainers": containers}}});
    let added = json!([{"name": "signer", "args": ["--capabilities=BLOCK"]}]);
    place.apply_spec_as("argocd", &part(added)).await?;
    let message = place.condition("Injected", "False", "SignerAltered").await?;
    for part in ["args", "argocd"] {
        assert!(message.contains(part), "{part:?} is missing in {message}");
    }
    place.is_quiet().await?;
    let signer = place.deployment().await?["spec"]["template"]["spec"]["initContainers"][0].clone();
    assert_eq!(signer["args"], json!(["--capabilities=BLOCK"]), "it was fought");
    place
        .apply_spec_as("argocd", &part(json!([{"name": "signer"}])))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    assert_eq!(
        place.deployment().await?["spec"]["template"],
        before["spec"]["template"]
    );
    Ok(())
}

#[tokio::test]
async fn a_plan_can_be_approved_although_somebody_edits_the_signer_meanwhile() -> Result<()> {
    let place = place("edited").await?;
    place.injected().await?;
    let mut manual = with(binding(), "/spec/rollout", json!("Manual"));
    manual["spec"]["signer"] = json!({"logLevel": "debug"});
    place.apply(&manual).await?;
    place.condition("Injected", "False", "ApprovalPending").await?;
    let edit = ["set", "image", "deployment/voter", "signer=registry.example/other:1"];
    place.kubectl_ok(&edit).await?;
    place.is_quiet().await?;
    place.condition("Injected", "False", "ApprovalPending").await?;
    let plan = place.binding().await?.status.and_then(|status| status.plan);
    let hash = plan.map(|plan| plan.hash).unwrap_or_default();
    let approval = format!("signer.atto.cash/approve={hash}");
    place.kubectl_ok(&["annotate", "sb", VOTER, &approval]).await?;
    place.condition("Injected", "True", "Injected").await?;
    let template = place.deployment().await?["spec"]["template"].to_string();
    assert!(
        template.contains("ATTO_SIGNER_LOG") && !template.contains("other:1"),
        "{template}"
    );
    Ok(())
}

#[tokio::test]
async fn without_the_right_to_try_a_pod_the_signer_is_injected_untried() -> Result<()> {
    let place = place("untried").await?;
    pods::default_account(&place.client, &place.namespace).await?;
    place.apply(&voter()).await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    assert!(place.operated.log().contains("cannot be tried"), "nothing in the log");
    Ok(())
}

/// A voter whose signer has a token of its own.
async fn with_a_token(prefix: &str) -> Result<(Place, Value)> {
    let place = place(prefix).await?;
    pods::default_account(&place.client, &place.namespace).await?;
    place.apply(&voter()).await?;
    let key = json!({"vault": {
        "address": "https://vault.example.com", "key": prefix, "version": 1, "auth": {"kubernetes": {"role": "voter"}},
    }});
    let binding = with(binding(), "/spec/key", key);
    place
        .apply(&with(binding, "/spec/deletionPolicy", json!("Remove")))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    let live = place.deployment().await?;
    Ok((place, live))
}

const STOLEN: &str = r#"[{"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts", "value": [{"name": "signer-identity", "mountPath": "/stolen"}]}]"#;

#[tokio::test]
async fn the_signers_token_is_taken_from_another_container() -> Result<()> {
    let (place, before) = with_a_token("stolen").await?;
    place
        .kubectl_ok(&["patch", "deployment", VOTER, "--type=json", "-p", STOLEN])
        .await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn a_manifest_that_gives_the_token_to_another_container_is_told_of_and_removal_is_not_kept_up() -> Result<()> {
    let (place, _) = with_a_token("applied").await?;
    let mounts = json!([{"name": "signer-identity", "mountPath": "/stolen"}]);
    let node = json!([{"name": "node", "volumeMounts": mounts}]);
    place
        .apply_spec_as("flux", &json!({"template": {"spec": {"containers": node}}}))
        .await?;
    let message = place.condition("Injected", "False", "SignerAltered").await?;
    for words in [
        "container node mounts volume signer-identity (written by flux)",
        "take it out there",
    ] {
        ensure!(message.contains(words), "{message}");
    }
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    let left = place.deployment().await?["spec"]["template"]["spec"].clone();
    ensure!(!left.to_string().contains("signer"), "{left}");
    Ok(())
}

#[tokio::test]
async fn a_volume_that_somebody_has_changed_is_put_back() -> Result<()> {
    let (place, before) = with_a_token("changed").await?;
    let audience = r#"[{"op": "replace", "path": "/spec/template/spec/volumes/0/projected/sources/0/serviceAccountToken/audience", "value": "https://kubernetes.default.svc"}]"#;
    place
        .kubectl_ok(&["patch", "deployment", VOTER, "--type=json", "-p", audience])
        .await?;
    repaired(&place, &before).await
}

#[tokio::test]
async fn a_rollback_over_a_change_to_a_token_is_put_back_and_leaves_nothing() -> Result<()> {
    let place = place("back").await?;
    pods::default_account(&place.client, &place.namespace).await?;
    place.apply(&voter()).await?;
    seen(&place, "--for=condition=Progressing").await?;
    let bare = place.deployment().await?["spec"].clone();
    let version = "projects/p/locations/l/keyRings/r/cryptoKeys/back/cryptoKeyVersions/1";
    let in_google = with(binding(), "/spec/key", json!({"gcp": {"keyVersion": version}}));
    place
        .apply(&with(in_google, "/spec/deletionPolicy", json!("Remove")))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    seen(&place, "--for=jsonpath={.status.observedGeneration}=2").await?;
    let key = |version: i32| {
        let key = json!({"vault": {
            "address": "https://vault.example.com", "key": "back", "version": version, "auth": {"jwt": {"role": "voter"}},
        }});
        with(
            with(binding(), "/spec/deletionPolicy", json!("Remove")),
            "/spec/key",
            key,
        )
    };
    for (version, generation) in [(1, 3), (2, 4)] {
        place.apply(&key(version)).await?;
        place.condition("Injected", "True", "Injected").await?;
        seen(
            &place,
            &format!("--for=jsonpath={{.status.observedGeneration}}={generation}"),
        )
        .await?;
    }
    let before = place.deployment().await?;
    // To the key in Google, and to the other version: the first has no volume, the second has the same.
    for revision in ["--to-revision=2", "--to-revision=3"] {
        let undo = ["rollout", "undo", "deployment/voter", revision];
        place.kubectl_ok(&undo).await?;
        eventually(SOON, "the injection put back", async || {
            let after = place.deployment().await?["spec"]["template"].clone();
            ensure!(after == before["spec"]["template"], "{after}");
            Ok(())
        })
        .await?;
        place.condition("Injected", "True", "Injected").await?;
    }
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    let after = place.deployment().await?["spec"].clone();
    ensure!(after == bare, "removal leaves {after}");
    Ok(())
}
