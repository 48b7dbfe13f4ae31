//! The manifests of a voter, and its own counts.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::Suite;
use super::cluster::PATIENCE;
use crate::eventually;

/// Port on which a voter shows its counts.
pub const COUNTS: u16 = 8080;

/// A Secret with a token.
pub fn token(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
        "stringData": {"SIGNER_SHARED_TOKEN": value.repeat(32)},
    })
}

/// The settings of a pod that meets Pod Security's `restricted`, with [`restricted_container`].
pub fn restricted_pod() -> Value {
    json!({"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}})
}

/// The settings of each container of such a pod.
pub fn restricted_container() -> Value {
    json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}})
}

impl Suite {
    /// A realistic voter without a signer.
    pub fn deployment(&self) -> Value {
        let reports_to = self.reports_to.as_deref().unwrap_or_default();
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
                        "securityContext": restricted_pod(),
                        "containers": [{
                            "name": "node",
                            "image": self.cluster.image("voter"),
                            "imagePullPolicy": "IfNotPresent",
                            "env": [{"name": "VOTER_REPORTS_TO", "value": reports_to}],
                            "readinessProbe": {"httpGet": {"path": "/", "port": COUNTS}, "periodSeconds": 1},
                            "securityContext": restricted_container(),
                        }],
                    },
                },
            },
        })
    }

    /// The binding of the voter, with a key in Google Cloud.
    pub fn binding(&self) -> Value {
        let identity = self.google_account.as_ref();
        json!({
            "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding", "metadata": {"name": "voter"},
            "spec": {
                "target": {"name": "voter"},
                "key": {"gcp": {"keyVersion": self.key_version}},
                "capabilities": ["CHALLENGE", "VOTE"],
                "tokenSecretRef": {"name": "token-1", "key": "SIGNER_SHARED_TOKEN"},
                "workloadIdentity": identity.map(|account| json!({"gcpServiceAccount": account})),
                "signer": {"image": self.signer()},
                "deletionPolicy": "Remove",
            },
        })
    }

    /// The image of the voter's signer.
    pub fn signer(&self) -> String {
        match self.reports_to {
            Some(_) => self.cluster.signer_with_kms(),
            None => self.cluster.image("signer"),
        }
    }

    /// Scales the voter.
    pub async fn scale(&self, replicas: u8) -> Result<()> {
        let replicas = format!("--replicas={replicas}");
        self.cluster
            .in_namespace(&["scale", "deployment/voter", &replicas])
            .await
            .map(drop)
    }

    /// The only pod of the voter, once it is running and ready.
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

    /// The counts of the voter in this pod.
    pub async fn counts(&self, pod: &Value) -> Result<Value> {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        self.cluster.ask(name, COUNTS, "").await
    }

    /// Waits until the voter has this many further signed votes, with none lost in total.
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
