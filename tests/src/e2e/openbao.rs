//! OpenBao for the suite: a pod with its official program, configured with its own command as people do.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::cluster::{Cluster, NAMESPACE};
use super::voter::{restricted_container, restricted_pod};
use crate::control_plane::pki::Authority;
use crate::kubeconfig::Answer;
use crate::process::random_suffix;

pub const NAME: &str = "openbao";
/// The ConfigMap with its certificate authority for signers.
pub const AUTHORITY: &str = "vault-ca";
/// For signers, with TLS.
pub const PORT: u16 = 8200;
/// For its own command in the pod.
const LOOPBACK: &str = "127.0.0.1:8300";
/// Lets it review tokens at the API server. This is its only cluster-scoped object.
const REVIEWER: &str = "atto-e2e-openbao";
const FILES: &str = "/openbao";

/// A running server without content.
pub struct OpenBao<'a> {
    cluster: &'a Cluster,
    address: String,
}

/// Loads its image. The image is large, so no time should be measured meanwhile.
pub async fn bring(cluster: &Cluster) -> Result<()> {
    cluster.bring_openbao(NAME).await
}

impl<'a> OpenBao<'a> {
    /// Starts the pod, and waits until it is ready.
    pub async fn start(cluster: &'a Cluster) -> Result<Self> {
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME},
            "spec": {"selector": {"app": NAME}, "ports": [{"port": PORT}]},
        });
        cluster.apply(&service).await?;
        let service = cluster.get("service", NAME).await?;
        let address = service["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned();
        let authority = Authority::new()?;
        let identity = authority.server(
            address
                .parse()
                .with_context(|| format!("found the Service address {address:?}, expected one of IPv4"))?,
        )?;
        let listener = json!({"listener": [{"tcp": {
            "address": format!("0.0.0.0:{PORT}"),
            "tls_cert_file": format!("{FILES}/tls.crt"),
            "tls_key_file": format!("{FILES}/tls.key"),
        }}]});
        let files = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME},
            "stringData": {
                "openbao.json": listener.to_string(), "tls.crt": identity.certificate, "tls.key": identity.key,
            },
        });
        let shown = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": AUTHORITY},
            "data": {"ca.crt": authority.certificate},
        });
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME}});
        for object in [files, shown, account, reviewer(), pod(cluster)] {
            cluster.apply(&object).await?;
        }
        let ready = ["wait", "pod", NAME, "--for=condition=Ready", "--timeout=2m"];
        cluster.in_namespace(&ready).await?;
        Ok(Self { cluster, address })
    }

    /// `https://ADDRESS:PORT`, for pods.
    pub fn url(&self) -> String {
        format!("https://{}:{PORT}", self.address)
    }

    /// Runs `bao` in the pod, which must succeed.
    pub async fn bao(&self, arguments: &[&str]) -> Result<String> {
        let command = [&["bao"], arguments].concat();
        let Answer {
            succeeded,
            stdout,
            stderr,
        } = self.cluster.exec(NAME, NAME, &command, "").await?;
        ensure!(succeeded, "bao {}: {stderr}", arguments.join(" "));
        Ok(stdout)
    }

    /// A shell function `bao` that runs the command in the pod.
    pub fn as_a_function() -> String {
        format!("bao() {{ kubectl exec --stdin --namespace {NAMESPACE} {NAME} -- bao \"$@\"; }}\n")
    }
}

/// Removes it, even if it did not start.
pub async fn end(cluster: &Cluster) -> Result<()> {
    let gone = ["delete", "clusterrolebinding", REVIEWER, "--ignore-not-found"];
    cluster.kubectl(&gone).await?;
    let gone = ["delete", "pod,service", NAME, "--ignore-not-found", "--timeout=1m"];
    cluster.in_namespace(&gone).await.map(drop)
}

fn reviewer() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": REVIEWER},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    })
}

fn pod(cluster: &Cluster) -> Value {
    let root = format!("root-{}", random_suffix());
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, "labels": {"app": NAME, "app.kubernetes.io/name": NAME}},
        "spec": {
            "serviceAccountName": NAME,
            "terminationGracePeriodSeconds": 1,
            "securityContext": restricted_pod(),
            "volumes": [{"name": "files", "secret": {"secretName": NAME}}],
            "containers": [{
                "name": NAME,
                "image": cluster.image(NAME),
                "imagePullPolicy": "IfNotPresent",
                "securityContext": restricted_container(),
                "args": [
                    "server", "-dev", "-dev-no-store-token",
                    format!("-dev-root-token-id={root}"),
                    format!("-dev-listen-address={LOOPBACK}"),
                    format!("-config={FILES}/openbao.json"),
                ],
                "env": [
                    {"name": "BAO_ADDR", "value": format!("http://{LOOPBACK}")},
                    {"name": "BAO_TOKEN", "value": root},
                ],
                "volumeMounts": [{"name": "files", "mountPath": FILES, "readOnly": true}],
                "readinessProbe": {
                    "httpGet": {"path": "/v1/sys/health", "port": PORT, "scheme": "HTTPS"}, "periodSeconds": 1,
                },
            }],
        },
    })
}
