//! The restrictions of a platform under which the other steps run.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::super::Suite;
use super::super::cluster::{ELSEWHERE, MONITORING, NAMESPACE, OPERATOR};
use super::super::network::{ASKER, Asker, address, start_asker};
use super::super::voter::COUNTS;

/// Management port of signers.
const MANAGEMENT: u16 = 9091;
/// Admin port of the operator.
const ADMIN: u16 = 8080;

/// Pod Security refuses a pod that does not meet `restricted` where operator and voter run.
pub async fn pods(suite: &Suite) -> Result<()> {
    for namespace in [OPERATOR, NAMESPACE] {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried", "namespace": namespace},
            "spec": {"containers": [{"name": "node", "image": suite.cluster.image("voter")}]},
        });
        let refused = suite.cluster.try_to_create(&pod).await.err();
        let said =
            refused.with_context(|| format!("a pod that does not meet restricted was admitted in {namespace}"))?;
        ensure!(said.to_string().contains("violates PodSecurity \"restricted"), "{said}");
    }
    suite.holds("Pod Security restricted is enforced in the namespaces of operator and voter");
    Ok(())
}

/// The policies of chart and documentation allow the connections that operator and voter need, and no others.
pub async fn network(suite: &Suite) -> Result<()> {
    if suite.network.is_none() {
        return Ok(());
    }
    let cluster = &suite.cluster;
    let voter = suite.ready_pod().await?;
    let of_voter = address(&voter)?;
    let operator = pod_of(suite, OPERATOR, "--selector=app.kubernetes.io/name=signer-operator").await?;
    let of_operator = address(&operator)?;
    let elsewhere = pod_of(suite, ELSEWHERE, "--field-selector=metadata.name=asker").await?;
    let of_elsewhere = address(&elsewhere)?;
    let (management, admin) = (
        format!("http://{of_voter}:{MANAGEMENT}/health"),
        format!("http://{of_operator}:{ADMIN}/metrics"),
    );

    // Prometheus, and a pod that may reach neither operator nor signer.
    let (monitor, stranger) = (Asker::of(MONITORING), Asker::of(ELSEWHERE));
    for url in [&management, &admin] {
        monitor.reaches(cluster, url, true).await?;
        stranger.reaches(cluster, url, false).await?;
    }
    let outside = format!("http://{of_elsewhere}:{COUNTS}/");
    monitor.reaches(cluster, &outside, true).await?;
    let name = voter["metadata"]["name"].as_str().unwrap_or_default();
    let node = Asker {
        namespace: NAMESPACE,
        pod: name,
        container: "node",
    };
    node.reaches(cluster, &outside, false).await?;
    suite.holds("the policies of a voter: Prometheus and the operator reach its management port, no other pod does, and it reaches no pod elsewhere");

    // The operator's image has no program for such a request.
    start_asker(cluster, OPERATOR, &labels_of(&operator)).await?;
    let operator = Asker::of(OPERATOR);
    operator.reaches(cluster, &management, true).await?;
    operator
        .reaches(
            cluster,
            "https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/version",
            true,
        )
        .await?;
    for closed in [format!("http://{of_voter}:{COUNTS}/"), outside] {
        operator.reaches(cluster, &closed, false).await?;
    }
    let delete = ["--namespace", OPERATOR, "delete", "pod", ASKER, "--timeout=1m"];
    cluster.kubectl(&delete).await?;
    suite.holds("the chart's policy: the operator reaches the API server and signers, and nothing else");
    Ok(())
}

/// The first of these pods that runs.
async fn pod_of(suite: &Suite, namespace: &str, which: &str) -> Result<Value> {
    let get = ["--namespace", namespace, "get", "pods", which, "--output=json"];
    let mut found: Value = serde_json::from_str(&suite.cluster.kubectl(&get).await?)?;
    Ok(found["items"][0].take())
}

/// The labels that select the operator's pods, without the one by which its ReplicaSet would adopt another.
fn labels_of(operator: &Value) -> Value {
    let mut labels = operator["metadata"]["labels"].clone();
    if let Some(labels) = labels.as_object_mut() {
        labels.remove("pod-template-hash");
    }
    labels
}
