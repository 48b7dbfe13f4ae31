//! Google's services for the suite: their pod, the settings of signers, and whether KMS is available.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::cluster::{Cluster, NAMESPACE, PATIENCE};
use super::voter::{restricted_container, restricted_pod};
use crate::control_plane::pki::Authority;
use crate::eventually;
use crate::fake_kms::KEY_VERSION;

pub const KMS: u16 = 8443;
pub const METADATA: u16 = 8444;
pub const CONTROL: u16 = 8445;
pub const REPORTS: u16 = 8446;

/// The key versions of this KMS.
pub const FIRST_KEY_VERSION: &str = KEY_VERSION;
pub const SECOND_KEY_VERSION: &str = "projects/p/locations/global/keyRings/r/cryptoKeys/voter/cryptoKeyVersions/2";

pub const NAME: &str = "google";

/// Their address, reserved before their pod exists.
pub struct Google {
    address: Ipv4Addr,
    authority: Authority,
}

impl Google {
    /// Lets the cluster choose an address, which becomes part of the signers' image.
    pub async fn place(cluster: &Cluster) -> Result<Self> {
        let ports: Vec<_> = [KMS, METADATA, CONTROL, REPORTS]
            .map(|port| json!({"name": format!("port-{port}"), "port": port}))
            .into();
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME},
            "spec": {"selector": {"app": NAME}, "ports": ports},
        });
        cluster.apply(&service).await?;
        let service = cluster.get("service", NAME).await?;
        let address = service["spec"]["clusterIP"].as_str().unwrap_or_default();
        Ok(Self {
            address: address
                .parse()
                .with_context(|| format!("found the Service address {address:?}, expected one of IPv4"))?,
            authority: Authority::new()?,
        })
    }

    /// Additional variables in the signer's image.
    pub fn env(&self) -> Vec<String> {
        vec![
            format!("ATTO_SIGNER_GCP_ENDPOINT=https://{}:{KMS}", self.address),
            format!("GCE_METADATA_HOST={}:{METADATA}", self.address),
        ]
    }

    /// The certificate authority of KMS, in PEM.
    pub fn authority(&self) -> &str {
        &self.authority.certificate
    }

    /// Where voters send their last report.
    pub fn reports_to(&self) -> String {
        format!("{}:{REPORTS}", self.address)
    }

    /// Starts the pod, and waits until it is ready.
    pub async fn start(&self, cluster: &Cluster) -> Result<()> {
        let identity = self.authority.server(self.address)?;
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME},
            "stringData": {"GOOGLE_CERTIFICATE": identity.certificate, "GOOGLE_KEY": identity.key},
        });
        cluster.apply(&secret).await?;
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, "labels": {"app": NAME}},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "securityContext": restricted_pod(),
                // The folder in which it records its ports.
                "volumes": [{"name": "cache", "emptyDir": {}}],
                "containers": [{
                    "name": NAME,
                    "image": cluster.image(NAME),
                    "imagePullPolicy": "IfNotPresent",
                    "securityContext": restricted_container(),
                    "env": [{"name": "XDG_CACHE_HOME", "value": "/cache"}],
                    "envFrom": [{"secretRef": {"name": NAME}}],
                    "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
                    "readinessProbe": {"httpGet": {"path": "/", "port": CONTROL}, "periodSeconds": 1},
                }],
            },
        });
        cluster.apply(&pod).await?;
        cluster
            .in_namespace(&["wait", "pod", NAME, "--for=condition=Ready", "--timeout=2m"])
            .await
            .map(drop)
    }
}

impl Cluster {
    /// Makes KMS available again.
    pub async fn kms_comes(&self) -> Result<()> {
        self.front("serving").await
    }

    /// Makes KMS refuse connections.
    pub async fn kms_goes(&self) -> Result<()> {
        self.front("refusing").await
    }

    async fn front(&self, front: &str) -> Result<()> {
        let answer = self.ask(NAME, CONTROL, &format!("front/{front}")).await?;
        ensure!(answer["error"].is_null(), "KMS is not {front}: {answer}");
        Ok(())
    }

    async fn reports(&self) -> Result<Vec<Value>> {
        let reports = self.ask(NAME, CONTROL, "reports").await?;
        Ok(reports.as_array().cloned().unwrap_or_default())
    }

    /// Number of voters that have sent their last report.
    pub async fn reported(&self) -> Result<usize> {
        self.reports().await.map(|reports| reports.len())
    }

    /// The last report, once there are more than before.
    pub async fn next_report(&self, before: usize) -> Result<Value> {
        eventually(PATIENCE, "the last report of a voter", async || {
            let reports = self.reports().await?;
            ensure!(reports.len() > before, "{} reports", reports.len());
            Ok(reports.last().cloned().unwrap_or_default())
        })
        .await
    }

    /// The answer of a pod of the voter's namespace.
    pub async fn ask(&self, pod: &str, port: u16, path: &str) -> Result<Value> {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}:{port}/proxy/{path}");
        Ok(serde_json::from_str(&self.kubectl(&["get", "--raw", &path]).await?)?)
    }
}
