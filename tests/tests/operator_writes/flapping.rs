//! A flapping state is reported a few times a minute, and its final state is always reported.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use tests::operated::{Operated, Place, SOON, VOTER, binding, with};
use tests::write::write;
use tests::{eventually, pods};

/// The last flip is to ready.
const FLIPS: usize = 120;

/// A burst, and then a few writes a minute. The flips take a minute on a slow computer.
const MOST: usize = 20;

fn status_writes(place: &Place) -> Result<usize> {
    let requests = place.requests_of_operator()?;
    let of_status = requests
        .iter()
        .filter(|request| request.is_write() && request.resource() == "signerbindings/status");
    Ok(of_status.count())
}

/// Reports, as a kubelet, whether the pod passes its probes, and waits until the Deployment shows it.
async fn is_ready(place: &Place, ready: bool) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(place.client.clone(), &place.namespace);
    let plain = PatchParams::default();
    let status = if ready { "True" } else { "False" };
    let change = Patch::Strategic(json!({"status": {"conditions": [{"type": "Ready", "status": status}]}}));
    for pod in pods.list(&ListParams::default()).await? {
        let name = pod.metadata.name.context("a pod without a name")?;
        write(|| pods.patch_status(&name, &plain, &change)).await?;
    }
    eventually(SOON, "the count of ready pods", async || {
        let found = place.deployment().await?["status"]["readyReplicas"].as_i64();
        ensure!(found.unwrap_or(0) == i64::from(ready), "{found:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn pods_that_come_and_go_all_the_time_make_a_few_writes() -> Result<()> {
    let operated = Operated::shared().await?;
    let place = Place::on(operated, "flapping").await?;
    place.injected().await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    place.condition("Ready", "True", "Ready").await?;
    place.is_quiet().await?;
    let before = status_writes(&place)?;
    for flip in 0..FLIPS {
        is_ready(&place, flip % 2 == 1).await?;
    }
    let written = status_writes(&place)? - before;
    ensure!(written <= MOST, "{written} status writes for {FLIPS} flips");

    place.condition("Ready", "True", "Ready").await?;
    eventually(SOON, "the last state", async || {
        let pods = place.binding().await?.status.context("no status")?.pods;
        ensure!(pods.as_deref() == Some("1/1"), "{pods:?}");
        Ok(())
    })
    .await?;

    // A person's change does not wait because of the flapping.
    for level in ["debug", "info", "debug"] {
        let changed = with(binding(), "/spec/signer", json!({"logLevel": level}));
        place.apply(&changed).await?;
        place.condition("Injected", "True", "Injected").await?;
    }
    Ok(())
}
