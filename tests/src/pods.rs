//! Acts as the kubelet, which a bare control plane lacks: reports running pods, so that Deployments are rolled out.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, Pod, ServiceAccount};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::eventually::{SOON, eventually};
use crate::write::write;

const PAUSE: Duration = Duration::from_millis(100);

/// Waits for the `default` service account, which the controller-manager creates in a new namespace. Without it, no pod can be
/// created there.
pub async fn default_account(client: &Client, namespace: &str) -> Result<()> {
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), namespace);
    let there = eventually(SOON, "the namespace's default service account", async || {
        Ok(accounts.get("default").await?)
    });
    there.await.map(drop)
}

/// Marks every pod of the namespace that is neither ready nor being deleted as running and ready, and returns their number.
///
/// Pods are not bound to a Kubernetes node: the garbage collector would delete pods of a missing node, and a pod without a node
/// is deleted immediately.
pub async fn make_ready(client: &Client, namespace: &str) -> Result<usize> {
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let mut marked = 0;
    for pod in pods.list(&ListParams::default()).await? {
        let (Some(name), Some(spec)) = (&pod.metadata.name, &pod.spec) else {
            continue;
        };
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if pod.metadata.deletion_timestamp.is_some() || phase != Some("Pending") {
            continue;
        }
        let status = running(spec.init_containers.as_deref().unwrap_or_default(), &spec.containers);
        let plain = PatchParams::default();
        let change = Patch::Merge(json!({"status": status}));
        match write(|| pods.patch_status(name, &plain, &change)).await {
            Ok(_) => marked += 1,
            // Deleted in between, as pods of an old template are.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(marked)
}

/// The status that a kubelet reports for a pod with completed init containers and started native sidecars.
fn running(init_containers: &[Container], containers: &[Container]) -> Value {
    let started = json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}});
    let completed = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
    let report = |container: &Container, runs: bool| {
        json!({
            "name": container.name,
            "image": container.image,
            "imageID": "",
            "ready": true,
            "started": runs,
            "restartCount": 0,
            "state": if runs { &started } else { &completed },
        })
    };
    let is_sidecar = |container: &Container| container.restart_policy.as_deref() == Some("Always");
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"];
    json!({
        "phase": "Running",
        "podIP": "127.0.0.1",
        "podIPs": [{"ip": "127.0.0.1"}],
        "startTime": "2026-01-01T00:00:00Z",
        "conditions": conditions.map(|kind| json!({"type": kind, "status": "True"})),
        "initContainerStatuses":
            init_containers.iter().map(|container| report(container, is_sidecar(container))).collect::<Vec<_>>(),
        "containerStatuses": containers.iter().map(|container| report(container, true)).collect::<Vec<_>>(),
    })
}

/// Acts as the kubelet in a namespace until it is dropped.
#[derive(Debug)]
pub struct Kubelet(JoinHandle<()>);

impl Kubelet {
    pub fn play(client: Client, namespace: &str) -> Self {
        let namespace = namespace.to_owned();
        Self(tokio::spawn(async move {
            loop {
                // A failure is retried. If it persists, the test that waits for the pods reports it.
                let _ = make_ready(&client, &namespace).await;
                tokio::time::sleep(PAUSE).await;
            }
        }))
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Acts as the kubelet until the Deployment is rolled out according to `kubectl rollout status`, and returns it.
pub async fn roll_out(client: &Client, namespace: &str, name: &str) -> Result<Deployment> {
    let deployments = Api::<Deployment>::namespaced(client.clone(), namespace);
    eventually(SOON, &format!("the rollout of {name}"), async || {
        make_ready(client, namespace).await?;
        let deployment = deployments.get(name).await?;
        let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let Some(status) = &deployment.status else {
            bail!("no status")
        };
        let count = |number: Option<i32>| number.unwrap_or_default();
        ensure!(
            status.observed_generation >= deployment.metadata.generation,
            "the last change is not observed"
        );
        let counts = [status.updated_replicas, status.replicas, status.available_replicas].map(count);
        ensure!(
            counts == [wanted; 3],
            "{wanted} wanted; updated, all, available: {counts:?}"
        );
        Ok(deployment)
    })
    .await
}
