//! The cluster of a run, and what is asked of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use super::google::Google;
use super::images::{self, TAG};
use crate::control_plane::ControlPlane;
use crate::images::Additions;
use crate::node::{ADDRESS, Machine, Node};
use crate::process::Directory;
use crate::{Kubeconfig, assets, eventually, workspace};

/// Where the operator is installed.
pub const OPERATOR: &str = "signer-operator";
/// Where the voter is.
pub const NAMESPACE: &str = "atto";
/// The tag of the signer's image that knows nothing of the fake KMS.
pub const WITHOUT_KMS: &str = "without-kms";
/// How long anything that needs a pod may take.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A cluster with one node, the images of this tree, and Google's services. The order of the fields is that of their end.
pub struct Cluster {
    _node: Node,
    plane: ControlPlane,
    pub google: Google,
    _folder: Directory,
}

impl Cluster {
    /// Starts it.
    ///
    /// # Errors
    /// Says what is missing on this machine.
    pub async fn start() -> Result<Self> {
        let machine = Machine::take()?;
        let folder = Directory::new()?;
        let google = Google::start(ADDRESS).await?;
        let plane = ControlPlane::start_at(ADDRESS).await?;
        let images = pack(folder.path(), &google).await?;
        let node = Node::start(&plane, machine, &images).await?;
        Ok(Self {
            _node: node,
            plane,
            google,
            _folder: folder,
        })
    }

    pub fn admin(&self) -> &Kubeconfig {
        self.plane.admin()
    }

    /// kubectl, which has to succeed.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.admin().kubectl_ok(arguments).await
    }

    /// kubectl in the voter's namespace, which has to succeed.
    pub async fn in_namespace(&self, arguments: &[&str]) -> Result<String> {
        self.kubectl(&[&["--namespace", NAMESPACE], arguments].concat()).await
    }

    /// `kubectl apply` in the voter's namespace.
    pub async fn apply(&self, object: &Value) -> Result<()> {
        let command = ["--namespace", NAMESPACE, "apply", "-f", "-"];
        let answer = self
            .admin()
            .kubectl_in(Path::new("."), &command, &object.to_string())
            .await?;
        ensure!(answer.succeeded, "kubectl apply: {}", answer.stderr);
        Ok(())
    }

    /// An object of the voter's namespace.
    pub async fn get(&self, kind: &str, name: &str) -> Result<Value> {
        let text = self.in_namespace(&["get", kind, name, "--output", "json"]).await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// The voter's pods that are not on their way out.
    pub async fn pods(&self) -> Result<Vec<Value>> {
        let text = self
            .in_namespace(&["get", "pods", "--selector", "app=voter", "--output", "json"])
            .await?;
        let found: Value = serde_json::from_str(&text)?;
        let mut pods = found["items"].as_array().cloned().unwrap_or_default();
        pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        Ok(pods)
    }

    /// How many templates the voter has had.
    pub async fn replica_sets(&self) -> Result<usize> {
        let text = self
            .in_namespace(&["get", "replicasets", "--selector", "app=voter", "--output", "name"])
            .await?;
        Ok(text.lines().count())
    }

    /// Waits until a condition of the binding has this status and reason.
    pub async fn condition(&self, type_: &str, status: &str, reason: &str) -> Result<String> {
        eventually(PATIENCE, &format!("{type_}={status} ({reason})"), async || {
            let binding = self.get("signerbinding", "voter").await?;
            let conditions = binding["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let found = conditions.iter().find(|condition| condition["type"] == type_);
            let found = found.with_context(|| format!("no {type_}"))?;
            let is_so = found["status"] == status && found["reason"] == reason;
            ensure!(
                is_so && found["observedGeneration"] == binding["metadata"]["generation"],
                "{found}"
            );
            Ok(found["message"].as_str().unwrap_or_default().to_owned())
        })
        .await
    }

    /// Installs the chart of a folder, or brings the release up to it, and waits until the operator is there.
    pub async fn helm(&self, chart: &Path, arguments: &[&str]) -> Result<()> {
        let values = json!({
            "image": {"repository": "localhost/operator", "tag": TAG, "pullPolicy": "Never"},
            "signerImage": format!("localhost/signer:{}", TAG),
            "allowedSignerImages": ["localhost/signer"],
        });
        let pairs: Vec<_> = values
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("--set-json={name}={value}"))
            .collect();
        let done = Command::new(assets::helm()?)
            .args(["upgrade", "--install", OPERATOR])
            .arg(chart)
            .args(["--namespace", OPERATOR, "--create-namespace", "--wait", "--timeout=2m"])
            .args(&pairs)
            .args(arguments)
            .env("KUBECONFIG", self.admin().path())
            .kill_on_drop(true)
            .output()
            .await?;
        ensure!(
            done.status.success(),
            "helm upgrade --install: {}{}",
            String::from_utf8_lossy(&done.stderr),
            String::from_utf8_lossy(&done.stdout)
        );
        Ok(())
    }

    /// Takes the release away.
    pub async fn uninstall(&self) -> Result<()> {
        let done = Command::new(assets::helm()?)
            .args(["uninstall", OPERATOR, "--namespace", OPERATOR, "--wait", "--timeout=2m"])
            .env("KUBECONFIG", self.admin().path())
            .output()
            .await?;
        ensure!(
            done.status.success(),
            "helm uninstall: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(())
    }

    /// What helps to understand a failure.
    pub async fn describe(&self) -> String {
        let mut text = String::new();
        for command in [
            &["get", "pods", "--all-namespaces", "--output", "wide"][..],
            &["--namespace", NAMESPACE, "describe", "pods"],
            &["--namespace", NAMESPACE, "get", "sb", "--output", "yaml"],
            &["--namespace", OPERATOR, "describe", "pods"],
            &[
                "--namespace",
                OPERATOR,
                "logs",
                "--selector",
                "app.kubernetes.io/name=signer-operator",
                "--tail=40",
            ],
            &[
                "--namespace",
                NAMESPACE,
                "logs",
                "--selector",
                "app=voter",
                "--all-containers",
                "--tail=40",
            ],
        ] {
            if let Ok(answer) = self.admin().kubectl(command).await {
                text.extend([
                    "\n== kubectl ",
                    &command.join(" "),
                    "\n",
                    &answer.stdout,
                    &answer.stderr,
                ]);
            }
        }
        text
    }
}

async fn pack(folder: &Path, google: &Google) -> Result<Vec<PathBuf>> {
    let (folder, env, authority) = (folder.to_owned(), google.env.clone(), google.authority.clone());
    tokio::task::spawn_blocking(move || {
        let (voter, signer) = (images::program("voter")?, images::program("signer")?);
        let with_env = |env: Vec<String>| Additions {
            env,
            authority: authority.clone(),
            ..Additions::default()
        };
        let tagged = |name: &str, tag: &str, program: &Path, env: Vec<String>| {
            images::build(name, tag, program, &folder, with_env(env))
        };
        Ok(vec![
            tagged("pause", TAG, &voter, vec!["VOTER_ONLY_PAUSES=true".to_owned()])?,
            tagged("voter", TAG, &voter, vec![])?,
            tagged("operator", TAG, &images::program("operator")?, vec![])?,
            tagged("signer", TAG, &signer, env)?,
            // A key of its own and an address of KMS exclude each other.
            tagged("signer", WITHOUT_KMS, &signer, vec![])?,
        ])
    })
    .await?
}

/// The chart of the commit before, where there is one.
pub fn chart_before(folder: &Path) -> Result<PathBuf> {
    let script = "git archive HEAD~1 charts 2>/dev/null | tar --extract --directory \"$0\"";
    let done = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(folder)
        .current_dir(workspace::root())
        .status()
        .context("cannot run git")?;
    let chart = folder.join("charts/signer-operator");
    Ok(if done.success() && chart.is_dir() {
        chart
    } else {
        workspace::root().join("charts/signer-operator")
    })
}
