//! `status.warnings` has problems that do not block, and each warning disappears once its cause is fixed.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tests::operated::{Place, SOON, VOTER, binding, voter, with};
use tests::write::write;
use tests::{eventually, operator_process, pods};

fn gcp(key: &str) -> Value {
    let version = format!("projects/p/locations/global/keyRings/r/cryptoKeys/{key}/cryptoKeyVersions/1");
    with(binding(), "/spec/key", json!({"gcp": {"keyVersion": version}}))
}

/// Waits until the binding has exactly these warnings.
async fn warns(place: &Place, expected: &[&str]) -> Result<String> {
    eventually(SOON, &format!("the warnings {expected:?}"), async || {
        let status = place.binding().await?.status.unwrap_or_default();
        let found: Vec<_> = status.warnings.iter().map(|warning| warning.reason.as_str()).collect();
        ensure!(found == expected, "{found:?}");
        Ok(status.warnings.iter().map(|warning| warning.message.clone()).collect())
    })
    .await
}

/// A place with the ServiceAccount of the voter without warnings.
async fn place(prefix: &str) -> Result<Place> {
    let place = Place::new(prefix).await?;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "voter"}});
    place.apply(&account).await?;
    Ok(place)
}

/// A voter without any warning.
fn quiet() -> Value {
    let voter = with(voter(), "/spec/strategy", json!({"type": "Recreate"}));
    with(voter, "/spec/template/spec/serviceAccountName", json!("voter"))
}

#[tokio::test]
async fn each_danger_is_named_and_goes_when_it_is_mended() -> Result<()> {
    let place = place("warned").await?;
    place.apply(&quiet()).await?;
    place.apply(&gcp("own")).await?;
    place.condition("Injected", "True", "Injected").await?;
    warns(&place, &[]).await?;
    let mut loud = with(voter(), "/spec/replicas", json!(2));
    loud["spec"]["template"]["spec"]["hostNetwork"] = json!(true);
    loud["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "ATTO_PRIVATE_KEY", "value": "0011223344556677"}]);
    place.apply(&loud).await?;
    let told = warns(
        &place,
        &["PrivateKeyInPod", "SeveralReplicas", "SurgeStrategy", "HostNetwork"],
    )
    .await?;
    assert!(!told.contains("0011223344556677"), "the private key shows: {told}");
    place.kubectl_ok(&["delete", "deployment", "voter"]).await?;
    place.apply(&quiet()).await?;
    warns(&place, &[]).await?;
    Ok(())
}

#[tokio::test]
async fn two_bindings_with_one_key_version_warn_of_each_other_across_namespaces() -> Result<()> {
    let (first, second) = (place("first").await?, place("second").await?);
    for place in [&first, &second] {
        place.apply(&quiet()).await?;
        place.apply(&gcp("shared")).await?;
    }
    for (place, other) in [(&first, &second), (&second, &first)] {
        let told = warns(place, &["SharedKeyVersion"]).await?;
        assert!(told.contains("1 SignerBinding in another namespace"), "{told}");
        assert!(!told.contains(&other.namespace), "another namespace shows: {told}");
    }
    second.apply(&gcp("own")).await?;
    warns(&first, &[]).await?;
    second.apply(&gcp("shared")).await?;
    warns(&first, &["SharedKeyVersion"]).await?;
    // Its voter continues to sign, and now only this binding can warn about it.
    second.kubectl_ok(&["delete", "sb", "voter"]).await?;
    eventually(SOON, "the pod without a binding", async || {
        let told = warns(&first, &["SharedKeyVersion"]).await?;
        ensure!(
            told.contains("1 pod in another namespace signs with the same key"),
            "{told}"
        );
        Ok(())
    })
    .await?;
    second.kubectl_ok(&["delete", "deployment", "voter"]).await?;
    warns(&first, &[]).await?;
    Ok(())
}

/// If each change of one binding, and of each pod, caused reconciles of all bindings with its key, a fleet would keep
/// the operator busy.
#[tokio::test]
async fn bindings_of_one_key_are_looked_at_for_what_concerns_them() -> Result<()> {
    const VOTERS: usize = 8;
    let place = place("fleet").await?;
    let named = |object: Value, index: usize| with(object, "/metadata/name", json!(format!("voter-{index}")));
    for index in 0..VOTERS {
        let own = json!({"app": format!("voter-{index}")});
        let voter = with(quiet(), "/spec/selector/matchLabels", own.clone());
        place
            .apply(&named(with(voter, "/spec/template/metadata/labels", own), index))
            .await?;
        let target = json!({"name": format!("voter-{index}")});
        place
            .apply(&named(with(gcp("fleet"), "/spec/target", target), index))
            .await?;
    }
    for index in 0..VOTERS {
        let name = format!("voter-{index}");
        place.condition_of(&name, "Injected", "True", "Injected").await?;
        let told = eventually(SOON, "the others are told of", async || {
            let path = "jsonpath={.status.warnings[*].message}";
            let told = place.kubectl_ok(&["get", "sb", &name, "-o", path]).await?;
            ensure!(told.contains("voter-"), "{told}");
            Ok(told)
        });
        let told = told.await?;
        assert!(
            !told.contains("pod with the same key"),
            "a voter is taken for a copy: {told}"
        );
    }
    place.is_quiet().await?;
    let before = place.requests_of_operator()?.len();
    // Its pod is replaced, and its status changes.
    place
        .kubectl_ok(&[
            "patch",
            "sb",
            "voter-0",
            "--type=merge",
            "-p",
            r#"{"spec":{"signer":{"logLevel":"debug"}}}"#,
        ])
        .await?;
    eventually(SOON, "the change is in the Deployment", async || {
        let path = "jsonpath={.spec.template.spec.initContainers[0].env}";
        let found = place.kubectl_ok(&["get", "deployment", "voter-0", "-o", path]).await?;
        ensure!(found.contains("debug"), "{found}");
        Ok(())
    })
    .await?;
    place.is_quiet().await?;
    let after = place.requests_of_operator()?;
    let others: Vec<_> = after[before..]
        .iter()
        .filter(|request| request.resource() == "signerbindings" && !request.uri.contains("voter-0"))
        .filter(|request| request.uri.contains("/signerbindings/"))
        .map(|request| format!("{} {}", request.verb, request.uri))
        .collect();
    assert!(others.is_empty(), "the others were looked at: {others:#?}");
    Ok(())
}

/// A copy of the live Deployment under another name, with labels of its own, as people make one: sidecar, label and annotation of the
/// operator come along.
async fn copy_of(place: &Place, name: &str) -> Result<Value> {
    let mut copy = place.deployment().await?;
    copy["metadata"] = json!({"name": name, "labels": {"app": name}});
    copy["spec"]["selector"]["matchLabels"] = json!({"app": name});
    copy["spec"]["template"]["metadata"]["labels"]["app"] = json!(name);
    copy.as_object_mut().context("no object")?.remove("status");
    Ok(copy)
}

/// Waits for pods that the Service of the voter's metrics selects, and returns them.
async fn pods_of_the_service(place: &Place) -> Result<Vec<Pod>> {
    let services: Api<Service> = Api::namespaced(place.client.clone(), &place.namespace);
    let service = services.get("voter-signer").await?;
    let selector = service.spec.and_then(|spec| spec.selector).context("no selector")?;
    let labels: Vec<_> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let pods: Api<Pod> = Api::namespaced(place.client.clone(), &place.namespace);
    eventually(SOON, "a pod of the Service", async || {
        let found = pods.list(&ListParams::default().labels(&labels.join(","))).await?.items;
        ensure!(!found.is_empty(), "none");
        Ok(found)
    })
    .await
}

/// A copy with the same key and no binding: only the operator can detect it.
async fn copies_are_told_of(binding: &Value) -> Result<()> {
    let place = place("copied").await?;
    let known = if binding["spec"]["key"]["local"].is_object() {
        vec!["LocalKey"]
    } else {
        vec![]
    };
    // The pods of the copy have the voter's ServiceAccount too, which matters if the key is granted to it.
    let shared: &[_] = match known[..] {
        [] => &["SharedKeyVersion", "IdentityShared"],
        _ => &["SharedKeyVersion"],
    };
    let with_copy = [&known[..], shared].concat();
    place.apply(&quiet()).await?;
    place.apply(binding).await?;
    place.condition("Injected", "True", "Injected").await?;
    warns(&place, &known).await?;
    place.apply(&copy_of(&place, "voter-copy").await?).await?;
    let told = warns(&place, &with_copy).await?;
    assert!(
        told.contains("Deployment voter-copy runs 1 pod with the same key"),
        "{told}"
    );
    for pod in pods_of_the_service(&place).await? {
        assert_eq!(pod.labels()["app"], VOTER, "a pod of the copy is taken for the voter's");
    }
    // As an earlier operator version has left it.
    let label_of_its_own = r#"[{"op": "remove", "path": "/spec/selector/app"}]"#;
    let patch = [
        "patch",
        "service",
        "voter-signer",
        "--type=json",
        "-p",
        label_of_its_own,
    ];
    place.kubectl_ok(&patch).await?;
    eventually(SOON, "the Service's selector", async || {
        let found = place
            .kubectl_ok(&["get", "service", "voter-signer", "-o", "jsonpath={.spec.selector.app}"])
            .await?;
        ensure!(found == VOTER, "{found:?}");
        Ok(())
    })
    .await?;
    let explained = explain(&place, "voter-copy").await?;
    assert!(explained.contains("has the key of SignerBinding voter"), "{explained}");
    let explained = explain(&place, VOTER).await?;
    assert!(
        explained.contains("SharedKeyVersion: Deployment voter-copy"),
        "{explained}"
    );
    place.kubectl_ok(&["delete", "deployment", "voter-copy"]).await?;
    warns(&place, &known).await?;
    Ok(())
}

async fn explain(place: &Place, deployment: &str) -> Result<String> {
    let deployment = format!("deployment/{deployment}");
    let arguments = ["explain", "--namespace", &place.namespace, &deployment];
    let (code, text) = operator_process::command(place.operated.plane.admin(), &arguments).await?;
    ensure!(code == Some(0), "{code:?}: {text}");
    Ok(text)
}

#[tokio::test]
async fn a_copied_deployment_is_told_of_and_is_no_part_of_the_voters_metrics() -> Result<()> {
    copies_are_told_of(&gcp("copied")).await?;
    copies_are_told_of(&binding()).await
}

#[tokio::test]
async fn a_copy_in_another_namespace_is_told_of_and_not_named() -> Result<()> {
    let (place, other) = (place("original").await?, place("elsewhere").await?);
    place.apply(&quiet()).await?;
    place.apply(&gcp("elsewhere")).await?;
    place.condition("Injected", "True", "Injected").await?;
    let copy = copy_of(&place, "somebody").await?;
    other.apply(&copy).await?;
    let told = warns(&place, &["SharedKeyVersion"]).await?;
    assert!(
        told.contains("1 pod in another namespace signs with the same key"),
        "{told}"
    );
    assert!(!told.contains(&other.namespace) && !told.contains("somebody"), "{told}");
    // From then on, its own binding has the warning.
    other
        .apply(&with(gcp("elsewhere"), "/spec/target/name", json!("somebody")))
        .await?;
    eventually(SOON, "the warning of the binding alone", async || {
        let told = warns(&place, &["SharedKeyVersion"]).await?;
        ensure!(told.contains("1 SignerBinding in another namespace names"), "{told}");
        Ok(())
    })
    .await
}

/// The result of Argo Rollouts for a Deployment that a Rollout names in `workloadRef`: the Deployment at 0 replicas,
/// and a ReplicaSet of the Rollout with its template. Argo Rollouts does not mark the Deployment.
async fn rollout_of(place: &Place) -> Result<Value> {
    let live = place.deployment().await?;
    let mut template = live["spec"]["template"].clone();
    template["metadata"]["labels"]["rollouts-pod-template-hash"] = json!("5f6d7c8b9");
    Ok(json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "voter-5f6d7c8b9", "labels": template["metadata"]["labels"], "ownerReferences": [{
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": VOTER, "controller": true,
            "uid": "7d444840-9dc0-11d1-b245-5ffdce74fad2",
        }]},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": VOTER, "rollouts-pod-template-hash": "5f6d7c8b9"}},
            "template": template,
        },
    }))
}

#[tokio::test]
async fn a_deployment_that_is_not_what_runs_is_told_of() -> Result<()> {
    let place = place("rollouts").await?;
    place.apply(&with(quiet(), "/spec/replicas", json!(0))).await?;
    place.apply(&gcp("rollouts")).await?;
    place.condition("Ready", "True", "ScaledToZero").await?;
    warns(&place, &[]).await?;
    place.apply(&rollout_of(&place).await?).await?;
    let told = warns(&place, &["RunsElsewhere", "IdentityShared"]).await?;
    assert!(told.contains("Rollout voter runs 1 pod"), "{told}");
    for condition in ["RolledOut", "Ready"] {
        let said = place.condition(condition, "True", "ScaledToZero").await?;
        assert!(said.contains("Rollout voter runs 1 pod"), "{condition}: {said}");
    }
    place.kubectl_ok(&["delete", "replicaset", "voter-5f6d7c8b9"]).await?;
    warns(&place, &[]).await?;
    let said = place.condition("Ready", "True", "ScaledToZero").await?;
    assert!(!said.contains("Rollout"), "{said}");
    Ok(())
}

fn with_init_container(container: &Value) -> Value {
    with(quiet(), "/spec/template/spec/initContainers", json!([container]))
}

#[tokio::test]
async fn an_init_container_that_waits_for_the_signer_before_it_is_told_of() -> Result<()> {
    let place = place("ahead").await?;
    let waits = json!({
        "name": "wait", "image": "registry.example/busybox:1",
        "command": ["sh", "-c", "until nc -z localhost 9090; do sleep 1; done"],
    });
    place.apply(&with_init_container(&waits)).await?;
    place.apply(&gcp("ahead")).await?;
    place.condition("Injected", "True", "Injected").await?;
    let told = warns(&place, &["InitContainerBeforeSigner"]).await?;
    assert!(told.contains("Init container wait mentions the signer"), "{told}");

    // Any init container that has run for long before the signer is named in a warning, and in the condition at once.
    let other = with(waits, "/command", json!(["migrate", "--all"]));
    place.apply(&with_init_container(&other)).await?;
    warns(&place, &[]).await?;
    let pods: Api<Pod> = Api::namespaced(place.client.clone(), &place.namespace);
    let pod = eventually(SOON, "a pod of the second template", async || {
        let ours = ListParams::default().labels("signer.atto.cash/deployment");
        let found = pods.list(&ours).await?.items;
        let of_second = |pod: &&Pod| {
            let init = pod.spec.as_ref().and_then(|spec| spec.init_containers.as_ref());
            init.is_some_and(|init| init[0].command.as_ref().is_some_and(|command| command[0] == "migrate"))
        };
        let pod = found.iter().find(of_second).context("none")?;
        Ok(pod.name_any())
    })
    .await?;
    let report = |name: &str, state: Value| json!({"name": name, "image": "x", "imageID": "", "ready": false, "started": false, "restartCount": 0, "state": state});
    let runs = |since: &str| {
        json!({"status": {"phase": "Pending", "initContainerStatuses": [
            report("wait", json!({"running": {"startedAt": since}})),
            report("signer", json!({"waiting": {"reason": "PodInitializing"}})),
        ]}})
    };
    let plain = PatchParams::default();
    let status = Patch::Merge(runs("2026-01-01T00:00:00Z"));
    write(|| pods.patch_status(&pod, &plain, &status)).await?;
    let told = warns(&place, &["InitContainerBeforeSigner"]).await?;
    assert!(
        told.contains(&format!("Pod {pod}: init container wait still runs")),
        "{told}"
    );
    let said = place.condition("RolledOut", "False", "Progressing").await?;
    assert!(
        said.contains("waits for init container wait, which runs before it"),
        "{said}"
    );
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    warns(&place, &[]).await?;
    Ok(())
}

/// From this version on, kubectl has `--keep-init-containers`.
mod from_kubernetes_1_31 {
    use anyhow::{Context, Result};
    use k8s_openapi::api::core::v1::Pod;
    use kube::api::ListParams;
    use kube::{Api, ResourceExt};
    use tests::eventually;
    use tests::operated::SOON;

    use super::{gcp, quiet};

    /// kubectl copies a pod without its labels and, unless it is told otherwise, with its init containers. Such a copy
    /// cannot be distinguished from a hand-written voter, so the documentation has the command with the flag.
    #[tokio::test]
    async fn a_copy_for_debugging_signs_unless_its_init_containers_are_left_out() -> Result<()> {
        let place = super::place("debugged").await?;
        place.apply(&quiet()).await?;
        place.apply(&gcp("debugged")).await?;
        place.condition("Injected", "True", "Injected").await?;
        let pods: Api<Pod> = Api::namespaced(place.client.clone(), &place.namespace);
        let pod = eventually(SOON, "a pod of the voter", async || {
            let found = pods
                .list(&ListParams::default().labels("signer.atto.cash/deployment"))
                .await?
                .items;
            Ok(found.first().context("none")?.name_any())
        })
        .await?;
        let copied = async |copy: &str, more: &[&str]| {
            let to = format!("--copy-to={copy}");
            let debug = [
                "debug",
                &pod,
                &to,
                "--image=registry.example/shell:1",
                "--container=shell",
                "--profile=general",
            ];
            let command = [&debug[..], more, &["--", "sleep", "1d"]].concat();
            place.kubectl_ok(&command).await?;
            let copy = pods.get(copy).await?;
            assert!(copy.labels().is_empty(), "{:?}", copy.labels());
            let init = copy.spec.and_then(|spec| spec.init_containers).unwrap_or_default();
            Ok::<_, anyhow::Error>(init.iter().any(|container| container.name == "signer"))
        };
        assert!(
            copied("with", &[]).await?,
            "kubectl has come to leave init containers out: the page says otherwise"
        );
        assert!(!copied("without", &["--keep-init-containers=false"]).await?);
        Ok(())
    }
}
