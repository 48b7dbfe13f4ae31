//! The network of a run: in the namespaces of operator and voter, only the connections are allowed that the chart, the
//! page about NetworkPolicies or a stand-in needs.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::cluster::{Cluster, ELSEWHERE, MONITORING, NAMESPACE, OPERATOR, PATIENCE};
use super::google::{CONTROL, KMS, METADATA, REPORTS};
use super::voter::{COUNTS, restricted_container, restricted_pod};
use super::{google, openbao};
use crate::docs::Page;
use crate::eventually;
use crate::kubeconfig::Answer;

const PAGE: &str = "docs/src/how-to/network-policies.md";
/// The name of a pod that only tries connections.
pub const ASKER: &str = "asker";
const API_SERVER: u16 = 443;

/// The NetworkPolicies of a run, which are in force.
pub struct Network {
    /// Ports of the API server: of its Service, and behind the Service.
    api_server: Vec<u16>,
}

impl Network {
    /// Applies the policies, if the cluster's network plugin enforces NetworkPolicies.
    pub async fn restrict(cluster: &Cluster) -> Result<Option<Self>> {
        for namespace in [MONITORING, ELSEWHERE] {
            let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            cluster.apply_text(namespace, &made.to_string()).await?;
            start_asker(cluster, namespace, &json!({})).await?;
        }
        if !is_enforced(cluster).await? {
            return Ok(None);
        }
        let network = Self {
            api_server: api_server(cluster).await?,
        };
        for (namespace, policy) in of_the_page()? {
            cluster.apply_text(namespace, &policy).await?;
        }
        for policy in network.of_the_stand_ins() {
            cluster.apply(&policy).await?;
        }
        Ok(Some(network))
    }

    /// The chart's values for it.
    pub fn values(&self) -> Value {
        json!({
            "enabled": true,
            "apiServerPorts": self.api_server,
            "ingressFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": MONITORING}}}],
        })
    }

    /// Connections that only this suite needs: services next to the voter, and requests to pods through the API server.
    fn of_the_stand_ins(&self) -> Vec<Value> {
        let ports = |numbers: &[u16]| -> Value {
            let ports = numbers.iter().map(|port| json!({"port": port, "protocol": "TCP"}));
            ports.collect()
        };
        let app = |name: &str| json!({"podSelector": {"matchLabels": {"app": name}}});
        let policy = |name: &str, selector: &Value, rules: Value| {
            let mut spec = rules;
            spec["podSelector"] = selector["podSelector"].clone();
            let types = [("ingress", "Ingress"), ("egress", "Egress")];
            let types: Vec<_> = types.iter().filter(|(rules, _)| spec[rules].is_array()).collect();
            spec["policyTypes"] = types.iter().map(|(_, name)| *name).collect();
            json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": {"name": format!("e2e-{name}")}, "spec": spec,
            })
        };
        let (voter, bao, cloud) = (app("voter"), app(openbao::NAME), app(google::NAME));
        let of_google = ports(&[KMS, METADATA, REPORTS]);
        let of_api_server = ports(&self.api_server);
        vec![
            policy(
                "suite",
                &json!({"podSelector": {}}),
                json!({"ingress": [{"ports": ports(&[COUNTS, CONTROL])}]}),
            ),
            policy(
                "google",
                &cloud,
                json!({"ingress": [{"from": [&voter], "ports": &of_google}]}),
            ),
            policy(
                "openbao",
                &bao,
                json!({
                    "ingress": [{"from": [&voter], "ports": ports(&[openbao::PORT])}],
                    "egress": [{"ports": &of_api_server}],
                }),
            ),
            policy(
                "voter",
                &voter,
                // The API server, for a step in which it must refuse requests of the node's container.
                json!({"egress": [{"to": [cloud], "ports": of_google}, {"ports": of_api_server}]}),
            ),
        ]
    }
}

/// The policies of the page with this suite's names, each with its namespace.
fn of_the_page() -> Result<Vec<(&'static str, String)>> {
    let page = Page::read(PAGE)?;
    let blocks = page.blocks.iter().filter(|block| block.info == "yaml").map(|block| {
        let text = block.text().replace("app: atto-voter", "app: voter");
        let text = text.replace("metadata.name: openbao", &format!("metadata.name: {NAMESPACE}"));
        text.replace("metadata.name: monitoring", &format!("metadata.name: {MONITORING}"))
    });
    let policies: Vec<_> = blocks
        .filter(|text| text.contains("kind: NetworkPolicy"))
        .flat_map(|text| {
            let of_operator = text.contains("name: default-deny").then_some(OPERATOR);
            let places = [Some(NAMESPACE), of_operator].into_iter().flatten();
            places.map(|place| (place, text.clone())).collect::<Vec<_>>()
        })
        .collect();
    ensure!(
        policies.len() > 2 && policies.iter().any(|(place, _)| *place == OPERATOR),
        "{PAGE} shows {} policies, expected one that denies everything and those of a voter",
        policies.len()
    );
    Ok(policies)
}

/// The ports behind the Service of the API server too: network plugins differ in which one they check.
async fn api_server(cluster: &Cluster) -> Result<Vec<u16>> {
    let get = ["get", "endpointslices", "--namespace=default"];
    let of_api_server = [
        "--selector=kubernetes.io/service-name=kubernetes",
        "--output=jsonpath={.items[*].ports[*].port}",
    ];
    let found = cluster.kubectl(&[&get[..], &of_api_server].concat()).await?;
    let ports = found
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<Vec<u16>, _>>();
    let mut ports = ports.with_context(|| format!("found the ports {found:?} of the API server, expected numbers"))?;
    ports.push(API_SERVER);
    ports.sort_unstable();
    ports.dedup();
    Ok(ports)
}

/// Starts a pod that has curl and also answers on a voter's port.
pub async fn start_asker(cluster: &Cluster, namespace: &str, labels: &Value) -> Result<()> {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": ASKER, "labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": false,
            "securityContext": restricted_pod(),
            "containers": [{
                "name": ASKER,
                "image": cluster.image("voter"),
                "imagePullPolicy": "IfNotPresent",
                "securityContext": restricted_container(),
            }],
        },
    });
    eventually(PATIENCE, "the namespace's ServiceAccount", async || {
        cluster.apply_text(namespace, &pod.to_string()).await
    })
    .await?;
    let wait = ["wait", "pod", ASKER, "--for=condition=Ready", "--timeout=2m"];
    cluster
        .kubectl(&[&["--namespace", namespace], &wait[..]].concat())
        .await
        .map(drop)
}

/// The address of a pod.
pub fn address(pod: &Value) -> Result<&str> {
    pod["status"]["podIP"].as_str().context("a pod without an address")
}

/// A container that tries connections to others.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    pub namespace: &'a str,
    pub pod: &'a str,
    pub container: &'a str,
}

impl<'a> Asker<'a> {
    pub fn of(namespace: &'a str) -> Self {
        Self {
            namespace,
            pod: ASKER,
            container: ASKER,
        }
    }

    /// Waits until it gets an answer from this URL, or, if `expected` is false, until it gets none.
    pub async fn reaches(self, cluster: &Cluster, url: &str, expected: bool) -> Result<()> {
        let what = format!(
            "{}/{} {} {url}",
            self.namespace,
            self.pod,
            if expected { "reaches" } else { "is kept from" }
        );
        eventually(PATIENCE, &what, async || {
            let asked = self.asks(cluster, url).await?;
            ensure!(asked.succeeded == expected, "{}{}", asked.stdout, asked.stderr);
            Ok(())
        })
        .await
    }

    async fn asks(self, cluster: &Cluster, url: &str) -> Result<Answer> {
        // Any answer counts, with any content.
        let curl = "curl --silent --show-error --insecure --output /dev/null --max-time 3";
        let exec = [
            "--namespace",
            self.namespace,
            "exec",
            self.pod,
            "--container",
            self.container,
        ];
        let script = format!("{curl} {url}");
        let command = [&exec[..], &["--", "sh", "-c", &script]].concat();
        cluster.admin().kubectl(&command).await
    }
}

/// Tests this with a policy in a namespace without other policies.
async fn is_enforced(cluster: &Cluster) -> Result<bool> {
    let get = ["--namespace", ELSEWHERE, "get", "pod", ASKER, "--output=json"];
    let pod: Value = serde_json::from_str(&cluster.kubectl(&get).await?)?;
    let url = format!("http://{}:{COUNTS}/", address(&pod)?);
    let monitor = Asker::of(MONITORING);
    monitor.reaches(cluster, &url, true).await?;
    let tried = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "tried"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    });
    cluster.apply_text(ELSEWHERE, &tried.to_string()).await?;
    let kept = monitor.reaches(cluster, &url, false).await;
    if let Err(error) = &kept
        && cluster.has_to_enforce_policies()
    {
        bail!("kube-router enforces no NetworkPolicy: {error:#}");
    }
    let delete = ["--namespace", ELSEWHERE, "delete", "networkpolicy", "tried"];
    cluster.kubectl(&delete).await?;
    monitor.reaches(cluster, &url, true).await?;
    Ok(kept.is_ok())
}
