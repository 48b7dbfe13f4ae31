//! What is shown, in its order. Each step leaves a voter that signs.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Suite;
use super::cluster::{OPERATOR, PATIENCE, WITHOUT_KMS, chart_before};
use super::voter::{binding, deployment, token};
use crate::fake_server::Front;
use crate::process::Directory;
use crate::{eventually, workspace};

pub async fn all(suite: &Suite) -> Result<()> {
    install(suite).await?;
    first_binding(suite).await?;
    upgrade(suite).await?;
    tokens(suite).await?;
    changes(suite).await?;
    image_that_does_not_exist(suite).await?;
    kms_goes_and_comes(suite).await?;
    kms_absent_at_start(suite).await?;
    pods_end(suite).await?;
    removal(suite).await?;
    uninstall(suite).await
}

/// With the chart of the commit before, so that the upgrade is one.
async fn install(suite: &Suite) -> Result<()> {
    let before = Directory::new()?;
    let chart = chart_before(before.path())?;
    let started = Instant::now();
    suite.cluster.helm(&chart, &[]).await?;
    suite.holds(&format!(
        "helm install to a ready operator: {} ms",
        started.elapsed().as_millis()
    ));
    Ok(())
}

async fn first_binding(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    cluster
        .kubectl(&["create", "namespace", super::cluster::NAMESPACE])
        .await?;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "voter"}});
    cluster.apply(&account).await?;
    cluster.apply(&token("token-1", "a")).await?;
    let mut manifest = deployment(&suite.reports.address);
    manifest["spec"]["replicas"] = json!(0);
    cluster.apply(&manifest).await?;
    cluster.apply(&binding()).await?;
    cluster.condition("Injected", "True", "Injected").await?;
    let started = Instant::now();
    cluster
        .in_namespace(&["scale", "deployment/voter", "--replicas=1"])
        .await?;
    cluster.condition("Ready", "True", "Ready").await?;
    let took = started.elapsed().as_millis();
    cluster.condition("Signing", "True", "Signing").await?;
    let pod = suite.ready_pod().await?;
    suite.signs(&pod, 20).await?;
    let row = cluster.in_namespace(&["get", "sb"]).await?;
    ensure!(row.contains("atto://"), "no address in:\n{row}");
    let began = |statuses: &Value| statuses[0]["state"]["running"]["startedAt"].as_str().map(str::to_owned);
    let signer = began(&pod["status"]["initContainerStatuses"]).context("the signer does not run")?;
    let node = began(&pod["status"]["containerStatuses"]).context("the node does not run")?;
    ensure!(signer <= node, "the node started at {node}, its signer at {signer}");
    suite.holds(&format!(
        "a voter is Ready and Signing, its signer started first: {took} ms"
    ));
    Ok(())
}

/// An upgrade of the operator rolls nobody.
async fn upgrade(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let (sets, pod) = (cluster.replica_sets().await?, suite.ready_pod().await?);
    cluster
        .helm(
            &workspace::root().join("charts/signer-operator"),
            &["--set=logLevel=debug"],
        )
        .await?;
    cluster.condition("Ready", "True", "Ready").await?;
    ensure!(
        cluster.replica_sets().await? == sets,
        "the upgrade made another template"
    );
    ensure!(
        suite.ready_pod().await?["metadata"]["uid"] == pod["metadata"]["uid"],
        "the upgrade replaced the pod"
    );
    suite.holds("the chart is brought up to date, and no voter restarts");
    Ok(())
}

/// Another template is there, rolled out, and signs; the one before lost no vote.
async fn rolled(suite: &Suite, sets: usize, reports: usize) -> Result<Value> {
    eventually(PATIENCE, "another template", async || {
        let now = suite.cluster.replica_sets().await?;
        ensure!(now == sets + 1, "{now} templates, {sets} before");
        Ok(())
    })
    .await?;
    let last = suite.reports.next(reports).await?;
    ensure!(
        last["lost"] == 0 && last["invalid"] == 0 && last["pending"] == 0,
        "{last}"
    );
    suite.cluster.condition("Ready", "True", "Ready").await?;
    let pod = suite.ready_pod().await?;
    suite.signs(&pod, 20).await?;
    ensure!(suite.cluster.replica_sets().await? == sets + 1, "more than one rollout");
    Ok(pod)
}

fn binding_with_token_2() -> Value {
    let mut renamed = binding();
    renamed["spec"]["tokenSecretRef"]["name"] = json!("token-2");
    renamed
}

async fn tokens(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let (sets, reports) = (cluster.replica_sets().await?, suite.reports.count().await);
    cluster.apply(&token("token-2", "b")).await?;
    cluster.apply(&binding_with_token_2()).await?;
    rolled(suite, sets, reports).await?;
    suite.holds("a token of another name: one rollout, no vote lost");

    let (sets, reports) = (cluster.replica_sets().await?, suite.reports.count().await);
    cluster.apply(&token("token-2", "c")).await?;
    rolled(suite, sets, reports).await?;
    suite.holds("a token changed in place: one rollout, no vote lost");
    Ok(())
}

/// The binding as it is, with another value in its spec.
async fn change(suite: &Suite, patch: &Value) -> Result<()> {
    let patch = patch.to_string();
    let command = ["patch", "signerbinding", "voter", "--type=merge", "--patch", &patch];
    suite.cluster.in_namespace(&command).await.map(drop)
}

async fn changes(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let (sets, reports) = (cluster.replica_sets().await?, suite.reports.count().await);
    change(suite, &json!({"spec": {"signer": {"logLevel": "debug"}}})).await?;
    rolled(suite, sets, reports).await?;
    suite.holds("a change of the binding: one rollout");

    let before = becomes(suite, "an address", |now| !now.is_empty()).await?;
    let key = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"value": "1".repeat(64)},
    });
    cluster.apply(&key).await?;
    let (sets, reports) = (cluster.replica_sets().await?, suite.reports.count().await);
    let local = json!({"gcp": null, "local": {"secretRef": {"name": "key", "key": "value"}}});
    let image = format!("localhost/signer:{WITHOUT_KMS}");
    change(
        suite,
        &json!({"spec": {"key": local, "workloadIdentity": null, "signer": {"image": image}}}),
    )
    .await?;
    rolled(suite, sets, reports).await?;
    becomes(suite, "another address", |now| now != before).await?;
    let reports = suite.reports.count().await;
    let mut spec = binding()["spec"].take();
    spec["key"]["local"] = Value::Null;
    spec["signer"] = Value::Null;
    spec["tokenSecretRef"]["name"] = json!("token-2");
    change(suite, &json!({"spec": spec})).await?;
    suite.reports.next(reports).await?;
    becomes(suite, "the first address", |now| now == before).await?;
    cluster.condition("Ready", "True", "Ready").await?;
    suite.holds("another key and back: another address and back");

    let reports = suite.reports.count().await;
    cluster.in_namespace(&["rollout", "pause", "deployment/voter"]).await?;
    cluster
        .in_namespace(&["set", "image", "deployment/voter", "signer=localhost/other:1"])
        .await?;
    eventually(PATIENCE, "the image put back", async || {
        let image =
            &cluster.get("deployment", "voter").await?["spec"]["template"]["spec"]["initContainers"][0]["image"];
        ensure!(image == "localhost/signer:e2e", "{image}");
        Ok(())
    })
    .await?;
    cluster.in_namespace(&["rollout", "resume", "deployment/voter"]).await?;
    cluster.condition("Ready", "True", "Ready").await?;
    suite.ready_pod().await?;
    ensure!(suite.reports.count().await == reports, "the pod was replaced");
    suite.holds("drift is repaired");
    Ok(())
}

/// Waits for such an address in the binding's status.
async fn becomes(suite: &Suite, what: &str, is_so: impl Fn(&str) -> bool) -> Result<String> {
    eventually(PATIENCE, what, async || {
        let binding = suite.cluster.get("signerbinding", "voter").await?;
        let now = binding["status"]["address"].as_str().unwrap_or_default();
        ensure!(is_so(now), "{now}");
        Ok(now.to_owned())
    })
    .await
}

async fn image_that_does_not_exist(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    change(
        suite,
        &json!({"spec": {"signer": {"image": "localhost/signer:none", "imagePullPolicy": "Never"}}}),
    )
    .await?;
    let message = cluster.condition("RolledOut", "False", "ErrImageNeverPull").await?;
    ensure!(message.contains("localhost/signer:none"), "{message}");
    cluster.condition("Ready", "False", "ErrImageNeverPull").await?;
    change(
        suite,
        &json!({"spec": {"signer": {"image": null, "imagePullPolicy": null}}}),
    )
    .await?;
    cluster.condition("Ready", "True", "Ready").await?;
    let pod = suite.ready_pod().await?;
    suite.signs(&pod, 20).await?;
    suite.holds("an image that does not exist is told, and its correction heals");
    Ok(())
}

async fn kms_goes_and_comes(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let pod = suite.ready_pod().await?;
    cluster.google.kms.set_front(Front::Refusing).await?;
    cluster.condition("Signing", "False", "BackendDown").await?;
    ensure!(suite.ready_pod().await?["metadata"]["uid"] == pod["metadata"]["uid"]);
    cluster.google.kms.set_front(Front::Serving).await?;
    let counts = suite.signs(&pod, 100).await?;
    eventually(PATIENCE, "no vote that waits for long", async || {
        let counts = suite.counts(&pod).await?;
        let field = |name: &str| counts[name].as_u64().unwrap_or_default();
        ensure!(
            field("wished") - field("signed") <= 20 && field("lost") == 0,
            "{counts}"
        );
        Ok(())
    })
    .await?;
    cluster.condition("Signing", "True", "Signing").await?;
    let after = suite.ready_pod().await?;
    let restarts = |pod: &Value| {
        ["initContainerStatuses", "containerStatuses"].map(|list| pod["status"][list][0]["restartCount"].as_u64())
    };
    ensure!(restarts(&after) == [Some(0), Some(0)], "{:?}", restarts(&after));
    suite.holds(&format!(
        "KMS goes away and comes back: no vote lost ({} signed late), no restart",
        counts["late"]
    ));
    Ok(())
}

async fn kms_absent_at_start(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let before = suite.ready_pod().await?;
    cluster.google.kms.set_front(Front::Refusing).await?;
    let name = before["metadata"]["name"].as_str().unwrap_or_default();
    cluster.in_namespace(&["delete", "pod", name, "--wait=false"]).await?;
    eventually(PATIENCE, "a signer that waits for KMS", async || {
        let pods = cluster.pods().await?;
        let pod = pods.first().context("no pod")?;
        let signer = &pod["status"]["initContainerStatuses"][0];
        ensure!(
            signer["state"]["running"].is_object() && signer["started"] != true,
            "{signer}"
        );
        let node = &pod["status"]["containerStatuses"][0]["state"];
        ensure!(node["waiting"]["reason"] == "PodInitializing", "{node}");
        Ok(())
    })
    .await?;
    let row = cluster.in_namespace(&["get", "sb", "voter"]).await?;
    ensure!(row.contains("False"), "{row}");
    cluster.google.kms.set_front(Front::Serving).await?;
    cluster.condition("Ready", "True", "Ready").await?;
    let pod = suite.ready_pod().await?;
    suite.signs(&pod, 20).await?;
    suite.holds("KMS absent at the start: the node waits for its signer, and both start once it is there");
    Ok(())
}

async fn pods_end(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let (pod, reports) = (suite.ready_pod().await?, suite.reports.count().await);
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    cluster.in_namespace(&["delete", "pod", name]).await?;
    let last = suite.reports.next(reports).await?;
    let after = last["afterSigterm"].as_u64().unwrap_or_default();
    ensure!(after > 0 && last["pending"] == 0 && last["lost"] == 0, "{last}");
    suite.ready_pod().await?;
    suite.holds(&format!(
        "a pod ends: {after} votes after SIGTERM were signed, so the signer outlives the node"
    ));

    cluster
        .kubectl(&[
            "--namespace",
            OPERATOR,
            "delete",
            "pods",
            "--all",
            "--grace-period=0",
            "--force",
        ])
        .await?;
    let (sets, reports) = (cluster.replica_sets().await?, suite.reports.count().await);
    change(suite, &json!({"spec": {"signer": {"logLevel": "info"}}})).await?;
    rolled(suite, sets, reports).await?;
    suite.holds("every operator is killed: new ones go on");

    cluster
        .kubectl(&[
            "drain",
            "node",
            "--ignore-daemonsets",
            "--force",
            "--pod-selector=app=voter",
            "--timeout=60s",
        ])
        .await?;
    cluster.kubectl(&["uncordon", "node"]).await?;
    cluster.condition("Ready", "True", "Ready").await?;
    let pod = suite.ready_pod().await?;
    suite.signs(&pod, 20).await?;
    suite.holds("the node is drained and comes back");
    Ok(())
}

async fn removal(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    cluster
        .in_namespace(&["delete", "signerbinding", "voter", "--timeout=30s"])
        .await?;
    let template = cluster.get("deployment", "voter").await?["spec"]["template"].to_string();
    ensure!(
        !template.contains("signer.atto.cash") && !template.contains("ATTO_SIGNER"),
        "{template}"
    );
    let account = cluster.get("serviceaccount", "voter").await?;
    ensure!(
        account["metadata"]["annotations"]["iam.gke.io/gcp-service-account"].is_null(),
        "{account}"
    );
    eventually(PATIENCE, "a node that does not vote", async || {
        let counts = suite.counts(&suite.ready_pod().await?).await?;
        ensure!(counts["historical"] == true, "{counts}");
        Ok(())
    })
    .await?;
    suite.holds("Remove leaves the Deployment as it was");
    Ok(())
}

async fn uninstall(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let mut kept = binding();
    kept["spec"]["deletionPolicy"] = json!("Retain");
    cluster.apply(&token("token-1", "a")).await?;
    cluster.apply(&kept).await?;
    cluster.condition("Signing", "True", "Signing").await?;
    let pod = suite.ready_pod().await?;
    cluster.uninstall().await?;
    suite.signs(&pod, 20).await?;
    cluster.get("signerbinding", "voter").await?;
    ensure!(suite.ready_pod().await?["metadata"]["uid"] == pod["metadata"]["uid"]);
    suite.holds("the chart is uninstalled: the binding stays and the voter signs");
    Ok(())
}
