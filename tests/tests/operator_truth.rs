//! The status describes the running pods and the reports of their signers, not the written objects.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use signer::protocol::{Address, PublicKey};
use tests::eventually;
use tests::operated::{Place, SOON, VOTER, binding, secret, voter, with};
use tests::pods::{self, Kubelet};
use tests::signer_process::{self, SignerProcess};
use tests::write::write;

/// The operator queries a signer again after half a minute.
const ASKED_AGAIN: Duration = Duration::from_secs(90);

/// A binding whose pods, which are on loopback here, answer with this signer.
fn bound_to(signer: &SignerProcess) -> Value {
    with(
        binding(),
        "/spec/signer",
        json!({"ports": {"management": signer.management_port()}}),
    )
}

async fn signer() -> Result<SignerProcess> {
    tokio::task::spawn_blocking(|| SignerProcess::start(&[])).await?
}

async fn roll_out(place: &Place) -> Result<()> {
    pods::roll_out(&place.client, &place.namespace, VOTER).await.map(drop)
}

/// Reports, as a kubelet would, why the first pod's signer waits.
async fn signer_waits(place: &Place, reason: &str, message: &str) -> Result<()> {
    let api: Api<Pod> = Api::namespaced(place.client.clone(), &place.namespace);
    let name = eventually(SOON, "a pod with a signer", async || {
        let found = api
            .list(&ListParams::default().labels("signer.atto.cash/deployment"))
            .await?;
        let pod = found.items.into_iter().next().context("none")?;
        pod.metadata.name.context("no name")
    })
    .await?;
    let plain = PatchParams::default();
    let status = Patch::Merge(json!({"status": {"phase": "Pending", "initContainerStatuses": [{
        "name": "signer", "image": "x", "imageID": "", "ready": false, "started": false, "restartCount": 0,
        "state": {"waiting": {"reason": reason, "message": message}},
    }]}}));
    write(|| api.patch_status(&name, &plain, &status)).await?;
    Ok(())
}

#[tokio::test]
async fn signing_is_what_the_pods_say_and_the_address_is_theirs() -> Result<()> {
    let signer = signer().await?;
    let port = signer.management_port();
    let info = tokio::task::spawn_blocking(move || signer_process::get(port, "/info")).await??;
    let info: Value = serde_json::from_str(&info.body)?;
    let place = Place::new("signing").await?;
    place.apply(&voter()).await?;
    place.apply(&bound_to(&signer)).await?;
    place.condition("Signing", "Unknown", "NotAsked").await?;
    let _kubelet = Kubelet::play(place.client.clone(), &place.namespace);
    place.condition("Signing", "True", "Signing").await?;
    place.condition("Ready", "True", "Ready").await?;
    let status = place.binding().await?.status.context("no status")?;
    assert_eq!(json!(status.public_key), info["publicKey"]);
    assert_eq!(json!(status.address), info["address"]);

    // A key other than the expected one is an error, regardless of the signer's health.
    let other = Address(PublicKey([7; 32])).to_string();
    let mut expecting = bound_to(&signer);
    expecting["spec"]["key"]["expectedAddress"] = json!(other);
    place.apply(&expecting).await?;
    let message = place.condition("Signing", "False", "UnexpectedKey").await?;
    assert!(message.contains(&other), "{message}");
    place.condition("Ready", "False", "UnexpectedKey").await?;
    expecting["spec"]["key"]["expectedAddress"] = info["address"].clone();
    place.apply(&expecting).await?;
    place.condition("Signing", "True", "Signing").await?;

    // The state of an unreachable signer is unknown, and does not count.
    tokio::task::spawn_blocking(move || signer.stop()).await??;
    eventually(ASKED_AGAIN, "Signing=Unknown", async || {
        let status = place.binding().await?.status.context("no status")?;
        let signing = status.conditions.iter().find(|condition| condition.type_ == "Signing");
        let signing = signing.context("no Signing")?;
        ensure!(signing.reason == "Unreachable", "{}", signing.reason);
        assert_eq!(json!(status.address), info["address"], "the last address is gone");
        Ok(())
    })
    .await?;
    place.condition("Ready", "True", "Ready").await?;
    Ok(())
}

#[tokio::test]
async fn the_address_of_another_key_does_not_stay() -> Result<()> {
    let signer = signer().await?;
    let place = Place::new("another-key").await?;
    place.apply(&voter()).await?;
    place.apply(&bound_to(&signer)).await?;
    let _kubelet = Kubelet::play(place.client.clone(), &place.namespace);
    place.condition("Signing", "True", "Signing").await?;
    let status = place.binding().await?.status.context("no status")?;
    ensure!(status.address.is_some() && status.public_key.is_some(), "no address");
    assert_eq!(
        status.effective.and_then(|effective| effective.key).as_deref(),
        Some("key/value")
    );

    let other = with(bound_to(&signer), "/spec/key/local/secretRef/name", json!("key-2"));
    tokio::task::spawn_blocking(move || signer.stop()).await??;
    place.apply(&secret("key-2", "value", &"1".repeat(64))).await?;
    place.apply(&other).await?;
    eventually(ASKED_AGAIN, "no address", async || {
        let status = place.binding().await?.status.context("no status")?;
        ensure!(
            status.address.is_none() && status.public_key.is_none(),
            "{:?} is the old key's",
            status.address
        );
        ensure!(
            status.observed_generation == Some(2),
            "the status is about an older spec"
        );
        Ok(())
    })
    .await
}

/// Prevents a pod from ending, as a slow container does, or allows it again.
async fn hold(place: &Place, pod: &str, finalizers: &[&str]) -> Result<()> {
    let api: Api<Pod> = Api::namespaced(place.client.clone(), &place.namespace);
    let plain = PatchParams::default();
    let finalizers = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    write(|| api.patch(pod, &plain, &finalizers)).await?;
    Ok(())
}

/// A pod of the voter that is not terminating.
async fn standing_pod(place: &Place) -> Result<String> {
    let api: Api<Pod> = Api::namespaced(place.client.clone(), &place.namespace);
    let ours = ListParams::default().labels("signer.atto.cash/deployment");
    let pods = api.list(&ours).await?.items;
    let mut standing = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    standing.find_map(|pod| pod.metadata.name.clone()).context("no pod")
}

#[tokio::test]
async fn an_old_pod_that_still_runs_beside_the_new_one_is_told() -> Result<()> {
    let signer = signer().await?;
    let place = Place::new("beside").await?;
    let one_after_the_other = json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
    place
        .apply(&with(voter(), "/spec/strategy", one_after_the_other))
        .await?;
    place.apply(&bound_to(&signer)).await?;
    let _kubelet = Kubelet::play(place.client.clone(), &place.namespace);
    place.condition("Ready", "True", "Ready").await?;
    place.condition("Signing", "True", "Signing").await?;
    let pod = standing_pod(&place).await?;
    hold(&place, &pod, &["example.com/held"]).await?;
    place.kubectl_ok(&["rollout", "restart", "deployment/voter"]).await?;
    let told = async |is_told: bool| {
        eventually(SOON, &format!("told: {is_told}"), async || {
            let status = place.binding().await?.status.context("no status")?;
            let mut warnings = status.warnings.iter();
            let warned = warnings.find(|warning| warning.reason == "OldPodRunning");
            ensure!(warned.is_some() == is_told, "{:?}", status.warnings);
            let signing = place.condition("Signing", "True", "Signing").await?;
            ensure!(signing.contains("1 old pod with the same key") == is_told, "{signing}");
            Ok(())
        })
        .await
    };
    told(true).await?;
    if place.operated.plane.minor().await? >= 35 {
        eventually(SOON, "the cluster's own count", async || {
            let status = place.deployment().await?["status"].clone();
            ensure!(status["terminatingReplicas"] == 1, "{status}");
            Ok(())
        })
        .await?;
    }
    hold(&place, &pod, &[]).await?;
    told(false).await?;

    // A deleted pod has a successor at once, with any strategy. On a Kubernetes node that is gone, the deleted pod
    // never ends.
    place
        .kubectl_ok(&[
            "patch",
            "deployment",
            VOTER,
            "-p",
            r#"{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}"#,
        ])
        .await?;
    let pod = standing_pod(&place).await?;
    hold(&place, &pod, &["example.com/held"]).await?;
    place.kubectl_ok(&["delete", "pod", &pod, "--wait=false"]).await?;
    told(true).await?;
    hold(&place, &pod, &[]).await?;
    told(false).await?;
    tokio::task::spawn_blocking(move || signer.stop()).await??;
    Ok(())
}

/// A pod with the labels of the voter's pods, which anyone may set.
fn stray(port: u16) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "stray",
            "labels": {"signer.atto.cash/deployment": VOTER},
            "annotations": {"signer.atto.cash/hash": "h"},
        },
        "spec": {
            "hostNetwork": true,
            // All fields that the guard requires, which anyone may write as well.
            "containers": [{"name": "node", "image": "registry.example/node:1", "env": [
                {"name": "ATTO_SIGNER_BACKEND", "value": "REMOTE"},
                {"name": "ATTO_SIGNER_REMOTE_URL", "value": "http://localhost:9090"},
                {"name": "ATTO_SIGNER_REMOTE_TOKEN", "valueFrom": {"secretKeyRef": {"name": "t", "key": "k"}}},
            ]}],
            "initContainers": [{
                "name": "signer", "image": "registry.example/signer:1", "restartPolicy": "Always",
                "ports": [{"name": "signer-mgmt", "containerPort": port}],
            }],
        },
    })
}

#[tokio::test]
async fn a_pod_of_somebody_else_is_not_asked_whatever_its_labels() -> Result<()> {
    let (signer, victim) = (signer().await?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    victim.set_nonblocking(true)?;
    let place = Place::new("stray").await?;
    pods::default_account(&place.client, &place.namespace).await?;
    place.apply(&stray(victim.local_addr()?.port())).await?;
    let _kubelet = Kubelet::play(place.client.clone(), &place.namespace);
    let running = [
        "wait",
        "pod/stray",
        "--for=jsonpath={.status.phase}=Running",
        "--timeout=60s",
    ];
    place.kubectl_ok(&running).await?;
    place.apply(&voter()).await?;
    place.apply(&bound_to(&signer)).await?;
    // The operator queries due signers once a second, and this one after the stray's.
    place.condition("Signing", "True", "Signing").await?;
    let asked = victim.accept().map(|(_, by)| by);
    assert!(
        asked.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock),
        "the operator has asked it: {asked:?}"
    );
    tokio::task::spawn_blocking(move || signer.stop()).await??;
    Ok(())
}

#[tokio::test]
async fn a_signer_that_refuses_all_its_node_asks_for_is_not_ready() -> Result<()> {
    let signer = signer().await?;
    let port = signer.port();
    for _ in 0..3 {
        let answer =
            tokio::task::spawn_blocking(move || signer_process::post(port, "/votes", "another-token", "{}")).await??;
        assert_eq!(answer.status, 401);
    }
    let place = Place::new("client").await?;
    place.apply(&voter()).await?;
    place.apply(&bound_to(&signer)).await?;
    place.condition("Injected", "True", "Injected").await?;
    roll_out(&place).await?;
    let message = place.condition("Signing", "False", "WrongToken").await?;
    let command = "kubectl rollout restart deployment/voter --namespace";
    assert!(message.contains(command), "{message}");
    place.condition("Ready", "False", "WrongToken").await?;
    place.condition("Stalled", "True", "WrongToken").await?;
    tokio::task::spawn_blocking(move || signer.stop()).await??;
    Ok(())
}

#[tokio::test]
async fn a_container_that_cannot_start_is_named_with_the_kubelets_reason() -> Result<()> {
    let place = Place::new("waiting").await?;
    place.injected().await?;
    for (reason, told) in [
        ("ErrImagePull", "ImagePullBackOff"),
        ("CreateContainerConfigError", "CreateContainerConfigError"),
    ] {
        signer_waits(&place, reason, "what the kubelet says").await?;
        let message = place.condition("RolledOut", "False", told).await?;
        assert!(
            message.contains("Container signer") && message.contains("what the kubelet says"),
            "{message}"
        );
        place.condition("Ready", "False", told).await?;
        place.condition("Reconciling", "True", told).await?;
    }
    roll_out(&place).await?;
    place.condition("Ready", "True", "Ready").await?;
    place.condition("Reconciling", "False", "Settled").await?;
    place.condition("Stalled", "False", "Settled").await?;
    Ok(())
}

#[tokio::test]
async fn pods_that_cannot_be_created_are_told_in_the_clusters_words() -> Result<()> {
    let place = Place::new("quota").await?;
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}},
    });
    place.apply(&quota).await?;
    eventually(SOON, "the quota in force", async || {
        let found = place
            .kubectl_ok(&["get", "resourcequota", "none", "-o", "jsonpath={.status.hard.pods}"])
            .await?;
        ensure!(found == "0", "{found}");
        Ok(())
    })
    .await?;
    place.injected().await?;
    let message = place.condition("RolledOut", "False", "PodsNotCreated").await?;
    assert!(
        message.contains("FailedCreate") && message.contains("exceeded quota"),
        "{message}"
    );
    Ok(())
}

#[tokio::test]
async fn what_a_person_has_to_mend_is_stalled() -> Result<()> {
    let place = Place::new("stalled").await?;
    place.apply(&binding()).await?;
    place.condition("Reconciling", "True", "DeploymentNotFound").await?;
    place.condition("Stalled", "False", "Settled").await?;
    let taken = with(
        voter(),
        "/spec/template/spec/containers/1/ports",
        json!([{"containerPort": 9091}]),
    );
    place.apply(&taken).await?;
    let message = place.condition("Stalled", "True", "PortConflict").await?;
    assert_eq!(message, place.condition("Ready", "False", "PortConflict").await?);
    place.condition("Reconciling", "False", "Settled").await?;
    Ok(())
}
