//! A binding injects the signer into the Deployment, owns only the added fields, and keeps the user's own edits.

use anyhow::Result;
use serde_json::{Value, json};
use tests::eventually;
use tests::operated::{Place, SOON, TOKEN, VOTER, binding, secret, voter, with};
use tests::pods::{self, Kubelet};

fn names(list: &Value) -> Vec<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["name"].as_str())
        .collect()
}

#[tokio::test]
async fn injects_the_signer_and_points_the_node_at_it() -> Result<()> {
    let place = Place::new("inject").await?;
    let deployment = place.injected().await?;
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(
        pod["containers"][0]["env"],
        json!([
            { "name": "ATTO_PUBLIC_URI", "value": "wss://voter.example:8082" },
            { "name": "ATTO_SIGNER_BACKEND", "value": "REMOTE" },
            { "name": "ATTO_SIGNER_REMOTE_URL", "value": "http://localhost:9090" },
            { "name": "ATTO_SIGNER_REMOTE_TOKEN", "valueFrom": { "secretKeyRef": { "name": "token", "key": "value" } } },
        ])
    );
    assert!(pod["containers"][1]["env"].is_null(), "another container got variables");
    let signer = &pod["initContainers"][0];
    assert_eq!(signer["name"], "signer");
    assert_eq!(signer["restartPolicy"], "Always", "not a native sidecar");
    assert_eq!(
        signer["resources"],
        json!({"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}})
    );
    assert!(
        signer["readinessProbe"].is_null(),
        "a KMS outage would take the node off the network"
    );
    assert_eq!(signer["startupProbe"]["httpGet"]["path"], "/health/readiness");
    assert_eq!(signer["livenessProbe"]["httpGet"]["path"], "/health/liveness");
    assert_eq!(
        names(&signer["env"]),
        [
            "ATTO_SIGNER_BACKEND",
            "ATTO_SIGNER_KEY",
            "ATTO_SIGNER_ADDRESS",
            "ATTO_SIGNER_PORT",
            "ATTO_SIGNER_MANAGEMENT_PORT",
            "ATTO_SIGNER_CAPABILITIES",
            "ATTO_SIGNER_TOKEN",
        ]
    );
    let service = place
        .kubectl_ok(&["get", "service", "voter-signer", "-o", "json"])
        .await?;
    let service: Value = serde_json::from_str(&service)?;
    assert_eq!(service["spec"]["clusterIP"], "None");
    assert_eq!(service["spec"]["publishNotReadyAddresses"], true);
    assert_eq!(service["metadata"]["ownerReferences"][0]["kind"], "Deployment");
    assert!(service["metadata"]["ownerReferences"][0]["controller"].is_null());
    Ok(())
}

#[tokio::test]
async fn owns_exactly_what_it_adds() -> Result<()> {
    let place = Place::new("owns").await?;
    let deployment = place.injected().await?;
    let ours: Vec<_> = deployment["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entry| entry["manager"] == "signer-operator")
        .collect();
    assert_eq!(ours.len(), 1);
    assert_eq!(ours[0]["operation"], "Apply");
    let mut fields = ours[0]["fieldsV1"].clone();
    let pod = &mut fields["f:spec"]["f:template"]["f:spec"];
    // The operator owns every field in its own container.
    assert!(pod["f:initContainers"]["k:{\"name\":\"signer\"}"]["f:image"].is_object());
    pod["f:initContainers"]["k:{\"name\":\"signer\"}"] = json!({});
    assert_eq!(
        fields,
        json!({"f:spec": {"f:template": {
            "f:metadata": {
                "f:annotations": {"f:signer.atto.cash/hash": {}},
                "f:labels": {"f:signer.atto.cash/deployment": {}},
            },
            "f:spec": {
                "f:containers": {"k:{\"name\":\"node\"}": {
                    ".": {},
                    "f:name": {},
                    "f:env": {
                        "k:{\"name\":\"ATTO_SIGNER_BACKEND\"}": {".": {}, "f:name": {}, "f:value": {}},
                        "k:{\"name\":\"ATTO_SIGNER_REMOTE_URL\"}": {".": {}, "f:name": {}, "f:value": {}},
                        "k:{\"name\":\"ATTO_SIGNER_REMOTE_TOKEN\"}":
                            {".": {}, "f:name": {}, "f:valueFrom": {"f:secretKeyRef": {}}},
                    },
                }},
                "f:initContainers": {"k:{\"name\":\"signer\"}": {}},
            },
        }}})
    );
    Ok(())
}

#[tokio::test]
async fn every_injected_variable_is_one_the_signer_knows() -> Result<()> {
    let place = Place::new("contract").await?;
    let address = "atto://aa5wuj54z23killcuounaktpbvzwkmqvo4o6eq5ghlaerimllhnctwl5g2ekm";
    let mut full = with(binding(), "/spec/signer", json!({"logLevel": "debug"}));
    full["spec"]["key"]["expectedAddress"] = json!(address);
    full["spec"]["policy"] = json!({
        "networks": ["LIVE"],
        "blockTypes": ["RECEIVE", "CHANGE"],
        "maxAmountPerSend": "1",
        "allowedReceivers": [address],
        "representative": address,
        "voteTimeWindowSeconds": 60,
        "challengeUriPrefix": "wss://",
    });
    place.apply(&voter()).await?;
    place.apply(&full).await?;
    place.condition("Injected", "True", "Injected").await?;
    let deployment = place.deployment().await?;
    let command = signer::config::command();
    let known: Vec<_> = command
        .get_arguments()
        .filter_map(|argument| argument.get_env())
        .collect();
    let injected = names(&deployment["spec"]["template"]["spec"]["initContainers"][0]["env"]);
    for expected in ["ATTO_SIGNER_EXPECTED_PUBLIC_KEY", "ATTO_SIGNER_POLICY_VOTE_TIME_WINDOW"] {
        assert!(injected.contains(&expected), "{expected} is not injected");
    }
    for name in injected {
        assert!(
            known.iter().any(|known| *known == name),
            "the signer does not know {name}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn applying_the_manifest_again_changes_nothing() -> Result<()> {
    let place = Place::new("again").await?;
    place.injected().await?;
    let before = settled(&place).await?;
    place.apply(&voter()).await?;
    place
        .apply_with(&voter(), &["--server-side", "--force-conflicts"])
        .await?;
    let after = settled(&place).await?;
    assert_eq!(after["spec"], before["spec"]);
    // A rollout would have created another ReplicaSet. The generation also changes with an annotation of kubectl.
    let revision = "deployment.kubernetes.io/revision";
    assert_eq!(
        after["metadata"]["annotations"][revision],
        before["metadata"]["annotations"][revision]
    );
    Ok(())
}

/// The Deployment, once its controller has seen the present spec and has set the template's revision.
async fn settled(place: &Place) -> Result<Value> {
    eventually(SOON, "the Deployment's controller", async || {
        let deployment = place.deployment().await?;
        let (seen, is) = (
            &deployment["status"]["observedGeneration"],
            &deployment["metadata"]["generation"],
        );
        anyhow::ensure!(seen == is, "it has seen {seen} of {is}");
        Ok(deployment)
    })
    .await
}

#[tokio::test]
async fn variables_of_the_binding_are_passed_on_and_go_with_it() -> Result<()> {
    let place = Place::new("variables").await?;
    let before = place.injected().await?["spec"]["template"].clone();
    let env = json!([
        { "name": "HTTPS_PROXY", "value": "http://$(USER_OF_PROXY)@proxy.example:3128" },
        { "name": "EMPTY", "value": "" },
        { "name": "USER_OF_PROXY", "valueFrom": { "secretKeyRef": { "name": "proxy", "key": "user" } } },
        { "name": "POD", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
    ]);
    place
        .apply(&with(binding(), "/spec/signer", json!({ "env": env })))
        .await?;
    // Without it, the container would not start.
    let message = place.condition("Injected", "False", "KeyNotFound").await;
    let message = message?;
    assert!(
        message.contains("spec.signer.env, USER_OF_PROXY: found no key user in Secret proxy"),
        "{message}"
    );
    assert_eq!(place.deployment().await?["spec"]["template"], before);
    place.apply(&secret("proxy", "user", "somebody")).await?;
    place.condition("Injected", "True", "Injected").await?;
    let signer = place.deployment().await?["spec"]["template"]["spec"]["initContainers"][0].clone();
    let variables = signer["env"].as_array().cloned().unwrap_or_default();
    let mut expected = env.as_array().cloned().unwrap_or_default();
    expected[1] = json!({ "name": "EMPTY" });
    expected[3]["valueFrom"]["fieldRef"]["apiVersion"] = json!("v1");
    assert!(variables.ends_with(&expected), "{variables:?}");
    place.is_quiet().await?;

    place.apply(&binding()).await?;
    eventually(SOON, "the template of before", async || {
        let now = place.deployment().await?["spec"]["template"].clone();
        anyhow::ensure!(now == before, "{now}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_manifest_that_carries_the_variables_already_co_owns_them() -> Result<()> {
    let place = Place::new("coown").await?;
    let documented = with(
        voter(),
        "/spec/template/spec/containers/0/env",
        json!([
            { "name": "ATTO_SIGNER_BACKEND", "value": "REMOTE" },
            { "name": "ATTO_SIGNER_REMOTE_URL", "value": "http://localhost:9090" },
            { "name": "ATTO_SIGNER_REMOTE_TOKEN", "valueFrom": { "secretKeyRef": { "name": "token", "key": "value" } } },
        ]),
    );
    place.apply(&documented).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    let deployment = place.deployment().await?;
    assert_eq!(
        names(&deployment["spec"]["template"]["spec"]["containers"][0]["env"]).len(),
        3
    );
    Ok(())
}

#[tokio::test]
async fn a_pod_of_class_guaranteed_stays_so() -> Result<()> {
    let place = Place::new("guaranteed").await?;
    let resources = json!({"requests": {"memory": "2Gi", "cpu": "0.5"}, "limits": {"memory": "2Gi", "cpu": "500m"}});
    let mut guaranteed = with(voter(), "/spec/template/spec/containers/0/resources", resources.clone());
    guaranteed["spec"]["template"]["spec"]["containers"][1]["resources"] = resources;
    place.apply(&guaranteed).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    let signer = place.deployment().await?["spec"]["template"]["spec"]["initContainers"][0]["resources"].clone();
    assert_eq!(signer["requests"], signer["limits"]);
    assert_eq!(signer["limits"], json!({"cpu": "500m", "memory": "128Mi"}));
    Ok(())
}

/// Earlier versions have no resources of a pod, and no field that the operator's types lack.
mod from_kubernetes_1_34 {
    use super::*;

    #[tokio::test]
    async fn fields_that_our_types_do_not_know_survive() -> Result<()> {
        let place = Place::new("unknown").await?;
        // A field of the pod API that is newer than many typed clients.
        let newer = with(voter(), "/spec/template/spec/hostnameOverride", json!("voter.example"));
        place.apply(&newer).await?;
        place.apply(&binding()).await?;
        place.condition("Injected", "True", "Injected").await?;
        assert_eq!(
            place.deployment().await?["spec"]["template"]["spec"]["hostnameOverride"],
            "voter.example"
        );
        Ok(())
    }

    #[tokio::test]
    async fn a_signer_asks_for_nothing_in_a_pod_with_resources_of_its_own() -> Result<()> {
        let place = Place::new("pod-level").await?;
        // Less than the signer's default: the API server refuses containers that request more than their pod has.
        let resources =
            json!({"requests": {"cpu": "40m", "memory": "32Mi"}, "limits": {"cpu": "40m", "memory": "32Mi"}});
        let pod_level = with(voter(), "/spec/template/spec/resources", resources.clone());
        place.apply(&pod_level).await?;
        place.apply(&binding()).await?;
        place.condition("Injected", "True", "Injected").await?;
        let pod = place.deployment().await?["spec"]["template"]["spec"].clone();
        assert_eq!(pod["resources"], resources, "the pod's own resources are gone");
        assert_eq!(pod["initContainers"][0]["resources"], json!({}));
        pods::roll_out(&place.client, &place.namespace, VOTER).await?;
        place.condition("RolledOut", "True", "RolledOut").await?;
        Ok(())
    }
}

#[tokio::test]
async fn status_follows_the_pods_and_kubectl_can_wait_for_it() -> Result<()> {
    let place = Place::new("rollout").await?;
    place.injected().await?;
    place.condition("Ready", "False", "Progressing").await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    place.condition("RolledOut", "True", "RolledOut").await?;
    place
        .kubectl_ok(&["wait", "--for=condition=Ready", "sb/voter", "--timeout=60s"])
        .await?;
    let line = place.kubectl_ok(&["get", "sb", "voter", "--no-headers"]).await?;
    let columns: Vec<_> = line.split_whitespace().collect();
    assert_eq!(columns[..5], ["voter", "True", "Ready", "Unknown", "1/1"], "{line}");
    for reason in ["Injected", "RolledOut"] {
        place.told_once(reason).await?;
    }
    place.kubectl_ok(&["scale", "deployment/voter", "--replicas=0"]).await?;
    place.condition("Ready", "True", "ScaledToZero").await?;
    Ok(())
}

#[tokio::test]
async fn another_token_secret_rolls_out_once_and_the_token_shows_nowhere() -> Result<()> {
    let place = Place::new("token").await?;
    let before = place.injected().await?;
    place
        .apply(&secret("token-2", "value", "another-token-of-more-than-32-bytes-0123"))
        .await?;
    place
        .apply(&with(binding(), "/spec/tokenSecretRef/name", json!("token-2")))
        .await?;
    let after = eventually(SOON, "the new Secret in both containers", async || {
        let deployment = place.deployment().await?;
        let text = deployment["spec"].to_string();
        anyhow::ensure!(
            text.matches("\"token-2\"").count() == 2 && !text.contains("\"token\""),
            "{text}"
        );
        Ok(deployment)
    })
    .await?;
    let generation = |deployment: &Value| deployment["metadata"]["generation"].as_i64();
    assert_eq!(generation(&after), generation(&before).map(|generation| generation + 1));
    let binding = serde_json::to_string(&place.binding().await?)?;
    let events = format!(
        "{:?}{:?}",
        place.events("Deployment").await?,
        place.events("SignerBinding").await?
    );
    for (what, text) in [
        ("the Deployment", before.to_string()),
        ("the binding", binding),
        ("the Events", events),
        ("the operator's log", place.operated.log()),
    ] {
        assert!(!text.contains(TOKEN), "the token shows in {what}");
    }
    Ok(())
}

/// Label values and Service names must be shorter than a Deployment's name may be, and must not contain dots.
#[tokio::test]
async fn a_deployment_with_a_long_name_is_served() -> Result<()> {
    let place = Place::new("long").await?;
    let _kubelet = Kubelet::play(place.client.clone(), &place.namespace);
    let dotted = format!("{}.{}", "v".repeat(120), "w".repeat(79));
    for (label, name) in [
        ("long", "v".repeat(200)),
        ("dotted", dotted),
        ("digits", "0.voter".to_owned()),
    ] {
        let mut long = with(voter(), "/metadata/name", json!(name));
        long["spec"]["selector"]["matchLabels"] = json!({"app": label});
        long["spec"]["template"]["metadata"]["labels"] = json!({"app": label});
        place.apply(&long).await?;
        let bound = with(binding(), "/metadata/name", json!(label));
        place.apply(&with(bound, "/spec/target/name", json!(name))).await?;
        place.condition_of(label, "Injected", "True", "Injected").await?;
        place.condition_of(label, "RolledOut", "True", "RolledOut").await?;
        let selected = place
            .kubectl_ok(&[
                "get",
                "services",
                "-o",
                &format!("jsonpath={{.items[?(@.metadata.ownerReferences[0].name=='{name}')].spec.selector}}"),
            ])
            .await?;
        assert!(selected.contains("signer.atto.cash/deployment"), "{name}: {selected:?}");
    }
    Ok(())
}

/// Lists with two items of one key can be created, but not applied: ports that differ in the host's port, a variable
/// that extends itself, one address with two lists of names.
#[tokio::test]
async fn what_only_creation_takes_survives_injection_and_removal() -> Result<()> {
    let place = Place::new("duplicates").await?;
    let mut odd = with(voter(), "/spec/replicas", json!(0));
    let pod = &mut odd["spec"]["template"]["spec"];
    pod["hostAliases"] = json!([{"ip": "10.0.0.1", "hostnames": ["a"]}, {"ip": "10.0.0.1", "hostnames": ["b"]}]);
    pod["containers"][0]["ports"] =
        json!([{"containerPort": 93, "hostPort": 9376}, {"containerPort": 93, "hostPort": 7693}]);
    pod["containers"][0]["env"] = json!([
        {"name": "FOO", "value": "foo"}, {"name": "FOO", "value": "foo-$(FOO)"}, {"name": "LAST", "value": "$(FOO)"},
    ]);
    let answer = place.kubectl(&["create", "-f", "-"], &odd.to_string()).await?;
    assert!(answer.succeeded, "{}", answer.stderr);
    let before = place.deployment().await?["spec"].clone();
    place
        .apply(&with(binding(), "/spec/deletionPolicy", json!("Remove")))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    let injected = place.deployment().await?["spec"]["template"]["spec"].clone();
    let of = |spec: &Value| (spec["hostAliases"].clone(), spec["containers"][0]["ports"].clone());
    assert_eq!(of(&injected), of(&before["template"]["spec"]));
    let env: Vec<_> = names(&injected["containers"][0]["env"]);
    assert_eq!(env[..3], ["FOO", "FOO", "LAST"], "{env:?}");
    assert_eq!(env.len(), 6, "{env:?}");
    // A change of the binding is applied to the list with the duplicate items.
    let other = with(
        binding(),
        "/spec/signer",
        json!({"ports": {"api": 9190, "management": 9191}}),
    );
    place
        .apply(&with(other, "/spec/deletionPolicy", json!("Remove")))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    assert_eq!(place.deployment().await?["spec"], before, "the spec is not what it was");
    Ok(())
}
