//! A voter that carries what the operator injects, in a namespace of its own, under the chart's guard.

use std::path::Path;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tests::eventually::SOON;
use tests::kubeconfig::Answer;
use tests::write::{write, write_by_kubectl};
use tests::{ControlPlane, Kubeconfig, eventually};
use tokio::sync::OnceCell;

use crate::installed::Installed;

/// A Deployment `atto-voter` with this pod specification.
pub fn manifest(pod: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "atto-voter"},
        "spec": {
            "selector": {"matchLabels": {"app": "atto-voter"}},
            "template": {"metadata": {"labels": {"app": "atto-voter"}}, "spec": pod},
        },
    })
}

pub fn container(name: &str) -> Value {
    json!({"name": name, "image": format!("example.invalid/{name}:1")})
}

/// The node's container with these variables of its own.
pub fn node(env: &Value) -> Value {
    json!({"name": "node", "image": "example.invalid/node:1", "env": env})
}

/// The variables that a binding owns.
pub fn variables() -> Vec<Value> {
    vec![
        json!({"name": "ATTO_SIGNER_BACKEND", "value": "REMOTE"}),
        json!({"name": "ATTO_SIGNER_REMOTE_URL", "value": "http://localhost:9090"}),
        json!({"name": "ATTO_SIGNER_REMOTE_TOKEN", "valueFrom": {"secretKeyRef": {"name": "atto-signer-secrets", "key": "TOKEN"}}}),
    ]
}

pub struct Voter {
    pub namespace: String,
    installed: &'static Installed,
}

impl Voter {
    /// Applied client-side by a person, and nothing else done to it.
    pub async fn plain(prefix: &str, manifest: &Value) -> Result<Self> {
        let installed = guarded().await?;
        let voter = Self {
            namespace: installed.cluster.namespace(prefix).await?,
            installed,
        };
        voter.allowed(&["apply", "-f", "-"], Some(manifest)).await?;
        Ok(voter)
    }

    /// The same, with the operator's items applied by the operator's service account.
    pub async fn injected(prefix: &str, manifest: &Value) -> Result<Self> {
        let voter = Self::plain(prefix, manifest).await?;
        voter.has_revision("1").await?;
        voter.apply_as_operator(&json!({
            "template": {
                "metadata": {
                    "labels": {"signer.atto.cash/deployment": "atto-voter"},
                    "annotations": {"signer.atto.cash/hash": "0123456789abcdef"},
                },
                "spec": {
                    "initContainers": [{"name": "signer", "image": "example.invalid/signer:1", "restartPolicy": "Always"}],
                    "containers": [{"name": "node", "env": variables()}],
                },
            },
        }))
        .await?;
        voter.is_still_injected().await?;
        Ok(voter)
    }

    /// The operator's empty apply, the first step of a removal.
    pub async fn give_up(&self) -> Result<()> {
        self.apply_as_operator(&json!({})).await
    }

    // Never through kubectl: it would move the user's fields to this manager.
    async fn apply_as_operator(&self, spec: &Value) -> Result<()> {
        let deployments: Api<Deployment> = Api::namespaced(self.installed.operator.client().await?, &self.namespace);
        let ours = PatchParams::apply("signer-operator");
        let patch = Patch::Apply(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "atto-voter"}, "spec": spec}),
        );
        write(|| deployments.patch("atto-voter", &ours, &patch)).await?;
        Ok(())
    }

    pub async fn live(&self) -> Result<Value> {
        let answer = self
            .kubectl(&["get", "deployment/atto-voter", "-o", "json"], None)
            .await?;
        ensure!(answer.succeeded, "{}", answer.stderr);
        Ok(serde_json::from_str(&answer.stdout)?)
    }

    /// Waits until the deployment controller has counted this revision: what `rollout undo` goes back from.
    pub async fn has_revision(&self, revision: &str) -> Result<()> {
        eventually(SOON, "the revision of the Deployment", || async {
            let found = self.live().await?["metadata"]["annotations"]["deployment.kubernetes.io/revision"].clone();
            ensure!(found == revision, "revision {found}, wanted {revision}");
            Ok(())
        })
        .await
    }

    pub async fn is_still_injected(&self) -> Result<()> {
        let live = self.live().await?;
        let template = &live["spec"]["template"];
        let containers = template["spec"]["containers"].to_string();
        ensure!(
            template["metadata"]["annotations"]["signer.atto.cash/hash"].is_string(),
            "no annotation: {template:#}"
        );
        ensure!(
            template["spec"]["initContainers"]
                .to_string()
                .contains(r#""name":"signer""#),
            "no signer: {template:#}"
        );
        for variable in variables() {
            ensure!(
                containers.contains(&variable["name"].to_string()),
                "no {}: {template:#}",
                variable["name"]
            );
        }
        Ok(())
    }

    pub async fn apply(&self, manifest: &Value) -> Result<Answer> {
        self.kubectl(&["apply", "-f", "-"], Some(manifest)).await
    }

    pub async fn kubectl(&self, arguments: &[&str], input: Option<&Value>) -> Result<Answer> {
        self.kubectl_as(self.installed.cluster.admin(), arguments, input).await
    }

    pub async fn kubectl_as(&self, who: &Kubeconfig, arguments: &[&str], input: Option<&Value>) -> Result<Answer> {
        let input = input.map(ToString::to_string).unwrap_or_default();
        who.kubectl_in(
            Path::new("."),
            &[&["--namespace", &self.namespace], arguments].concat(),
            &input,
        )
        .await
    }

    pub async fn service_account(&self, name: &str) -> Result<Kubeconfig> {
        self.installed.cluster.service_account(&self.namespace, name).await
    }

    /// The edit is accepted.
    pub async fn allowed(&self, arguments: &[&str], input: Option<&Value>) -> Result<()> {
        let answer = self.kubectl(arguments, input).await?;
        ensure!(
            answer.succeeded,
            "kubectl {} was refused: {}",
            arguments.join(" "),
            answer.stderr
        );
        Ok(())
    }

    /// The live Deployment is accepted with this change, as `kubectl edit` makes it.
    pub async fn allowed_edit(&self, change: impl Fn(&mut Value)) -> Result<()> {
        let attempt = || async {
            let mut live = self.live().await?;
            change(&mut live);
            self.kubectl(&["replace", "-f", "-"], Some(&live)).await
        };
        let answer = write_by_kubectl(attempt).await?;
        ensure!(answer.succeeded, "the edit was refused: {}", answer.stderr);
        Ok(())
    }

    /// The guard has refused the edit, and its message names the Deployment and exactly what would be lost.
    pub fn refused(answer: &Answer, lost: &[&str]) {
        assert!(!answer.succeeded, "was let through: {}", answer.stdout);
        let wanted = format!(
            "this change would start Deployment atto-voter without its signer: it drops {}. ",
            lost.join(", ")
        );
        assert!(
            answer.stderr.contains(&wanted),
            "wanted “{wanted}”, got: {}",
            answer.stderr
        );
    }
}

/// The chart is installed and its guard is at work.
async fn guarded() -> Result<&'static Installed> {
    static GUARDED: OnceCell<&Installed> = OnceCell::const_new();
    let guarded = || async {
        let installed = Installed::shared().await?;
        guard_is_active(installed.cluster).await?;
        Ok(installed)
    };
    GUARDED.get_or_try_init(guarded).await.copied()
}

/// The API server takes a moment to notice a policy; nothing may be concluded before.
async fn guard_is_active(cluster: &ControlPlane) -> Result<()> {
    let mut probe = manifest(&json!({"containers": [container("node")]}));
    probe["spec"]["template"]["metadata"]["annotations"] = json!({"signer.atto.cash/hash": "probe"});
    let admin = cluster.admin();
    let namespace = cluster.namespace("probe").await?;
    let created = ["--namespace", &namespace, "create", "-f", "-"];
    let answer = admin.kubectl_in(Path::new("."), &created, &probe.to_string()).await?;
    ensure!(answer.succeeded, "{}", answer.stderr);
    let strip = r#"[{"op": "remove", "path": "/spec/template/metadata/annotations"}]"#;
    let edit = [
        "--namespace",
        &namespace,
        "patch",
        "deployment/atto-voter",
        "--dry-run=server",
        "--type=json",
        "--patch",
        strip,
    ];
    eventually(SOON, "the guard's first refusal", || async {
        let answer = admin.kubectl(&edit).await?;
        ensure!(
            answer.stderr.contains("signer-operator-guard"),
            "{}{}",
            answer.stdout,
            answer.stderr
        );
        Ok(())
    })
    .await
}
