//! The manifests of a voter, and what it says of itself.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Suite;
use super::cluster::PATIENCE;
use crate::eventually;

/// A version of the key that the fake KMS has.
pub const KEY_VERSION: &str = crate::fake_kms::KEY_VERSION;

/// A voter as people run it, without a signer.
pub fn deployment(reports_to: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "voter"},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app": "voter"}},
            "template": {
                "metadata": {"labels": {"app": "voter"}},
                "spec": {
                    "serviceAccountName": "voter",
                    "terminationGracePeriodSeconds": 20,
                    "securityContext": {
                        "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [{
                        "name": "node",
                        "image": "localhost/voter:e2e",
                        "imagePullPolicy": "Never",
                        "env": [{"name": "VOTER_REPORTS_TO", "value": reports_to}],
                        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
                        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                    }],
                },
            },
        },
    })
}

/// Its binding, with a key in Google Cloud.
pub fn binding() -> Value {
    json!({
        "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding", "metadata": {"name": "voter"},
        "spec": {
            "target": {"name": "voter"},
            "key": {"gcp": {"keyVersion": KEY_VERSION}},
            "capabilities": ["CHALLENGE", "VOTE"],
            "tokenSecretRef": {"name": "token-1", "key": "SIGNER_SHARED_TOKEN"},
            "workloadIdentity": {"gcpServiceAccount": "signer@p.iam.gserviceaccount.com"},
            "deletionPolicy": "Remove",
        },
    })
}

/// A Secret with a token.
pub fn token(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
        "stringData": {"SIGNER_SHARED_TOKEN": value.repeat(32)},
    })
}

impl Suite {
    /// The one pod of the voter, once it runs and is ready.
    pub async fn ready_pod(&self) -> Result<Value> {
        eventually(PATIENCE, "a ready pod of the voter", async || {
            let pods = self.cluster.pods().await?;
            ensure!(pods.len() == 1, "{} pods", pods.len());
            let conditions = pods[0]["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let is_ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
            ensure!(conditions.iter().any(is_ready), "{}", pods[0]["status"]);
            Ok(pods[0].clone())
        })
        .await
    }

    /// What the voter of this pod has counted.
    pub async fn counts(&self, pod: &Value) -> Result<Value> {
        let address = pod["status"]["podIP"].as_str().context("the pod has no address")?;
        let mut stream = TcpStream::connect((address, 8080)).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: voter\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        let (_, body) = text.split_once("\r\n\r\n").context("no answer of the voter")?;
        Ok(serde_json::from_str(body)?)
    }

    /// Waits until the voter has so many further votes signed, and none of all is lost.
    pub async fn signs(&self, pod: &Value, further: u64) -> Result<Value> {
        let signed = |counts: &Value| counts["signed"].as_u64().unwrap_or_default();
        let before = signed(&self.counts(pod).await?);
        eventually(PATIENCE, "votes", async || {
            let counts = self.counts(pod).await?;
            ensure!(signed(&counts) >= before + further, "{counts}");
            ensure!(counts["lost"] == 0 && counts["invalid"] == 0, "{counts}");
            Ok(counts)
        })
        .await
    }
}
