//! The cluster of a run, and requests to it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Error, Result, ensure};
use serde_json::{Value, json};

use super::google::Google;
use super::images::{self, Images};
use super::network::Network;
use super::place::Place;
use crate::images::Additions;
use crate::kubeconfig::Answer;
use crate::process::Directory;
use crate::{Kubeconfig, assets, eventually};

/// Namespace of the operator.
pub const OPERATOR: &str = "signer-operator";
/// Namespace of the voter.
pub const NAMESPACE: &str = "atto";
/// Namespace of the example's voter.
pub const QUICKSTART: &str = "atto-quickstart";
/// Namespace of the tutorial's voter.
pub const TUTORIAL: &str = "atto-tutorial";
/// Namespace in which Prometheus would run.
pub const MONITORING: &str = "atto-e2e-monitoring";
/// Namespace of pods that are independent of operator and voter.
pub const ELSEWHERE: &str = "atto-e2e-elsewhere";
/// All namespaces that a run creates.
const NAMESPACES: [&str; 6] = [NAMESPACE, QUICKSTART, TUTORIAL, OPERATOR, MONITORING, ELSEWHERE];
/// How long anything that needs a pod may take.
pub const PATIENCE: Duration = Duration::from_mins(2);
const DEFINITION: &str = "signerbindings.signer.atto.cash";

/// The product's programs, and the stand-ins.
const PROGRAMS: [&str; 4] = ["operator", "signer", "voter", "google"];
/// The signer image with the address of the stand-in KMS. It uses only the product's variables; an additional one would exclude
/// its own key.
const WITH_KMS: &str = "signer-with-kms";

/// A namespace in which the API server admits only pods that meet Pod Security's `restricted`, as platforms set it.
fn restricted_namespace(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    })
}

/// A cluster with the images of this tree and Google's services. Rust drops the fields in this order.
pub struct Cluster {
    place: Place,
    images: Images,
    folder: Directory,
}

impl Cluster {
    /// Uses or creates a cluster, and loads this tree's images.
    ///
    /// # Errors
    /// Names what is missing, or what exists already and would be lost.
    pub async fn take() -> Result<Self> {
        let folder = Directory::new()?;
        let place = Place::find(&folder, || images::pause(folder.path())).await?;
        let images = Images::new(place.repository(), folder.path());
        let cluster = Self { place, images, folder };
        cluster.is_free().await?;
        match cluster.prepare().await {
            Ok(()) => Ok(cluster),
            Err(error) => Err(cluster.fail(error).await),
        }
    }

    async fn prepare(&self) -> Result<()> {
        for namespace in [NAMESPACE, OPERATOR] {
            self.apply_text(namespace, &restricted_namespace(namespace).to_string())
                .await?;
        }
        for program in PROGRAMS {
            let additions = if program == "voter" {
                // So that a person can debug from inside, as in the image of a Kubernetes node.
                images::tools(&["sh", "cat", "curl", "grep"])?
            } else {
                Additions::default()
            };
            self.bring(program, program, additions).await?;
        }
        let tools = self.images.pack_tools().await?;
        self.place.load(&tools.file, &tools.name).await?;
        Ok(())
    }

    /// Uses or creates a cluster with the stand-ins for Google's services.
    ///
    /// # Errors
    /// No cluster could be used or created, or a stand-in did not start.
    pub async fn with_google() -> Result<(Self, Google)> {
        let cluster = Self::take().await?;
        match cluster.add_google().await {
            Ok(google) => Ok((cluster, google)),
            Err(error) => Err(cluster.fail(error).await),
        }
    }

    async fn add_google(&self) -> Result<Google> {
        let google = Google::place(self).await?;
        let additions = Additions {
            env: google.env(),
            authority: google.authority().to_owned(),
            ..Additions::default()
        };
        self.bring(WITH_KMS, "signer", additions).await?;
        google.start(self).await?;
        Ok(google)
    }

    async fn bring(&self, image: &str, program: &'static str, additions: Additions) -> Result<()> {
        let archive = self.images.pack(image, program, additions).await?;
        self.place.load(&archive.file, &archive.name).await
    }

    /// The image of the official OpenBao.
    pub async fn bring_openbao(&self, image: &str) -> Result<()> {
        let program = tokio::task::spawn_blocking(assets::openbao).await??;
        let archive = self
            .images
            .pack_program(image, program.clone(), Additions::default())
            .await?;
        self.place.load(&archive.file, &archive.name).await
    }

    /// Checks that nothing exists yet that this run deletes at its end.
    async fn is_free(&self) -> Result<()> {
        let namespaces = NAMESPACES.map(|name| format!("namespace/{name}"));
        let definition = format!("customresourcedefinition/{DEFINITION}");
        for name in namespaces.into_iter().chain([definition]) {
            let found = self
                .kubectl(&["get", &name, "--ignore-not-found", "--output=name"])
                .await?;
            ensure!(
                found.is_empty(),
                "the cluster already has {}, which this suite creates and deletes: delete it, or use another cluster",
                found.trim()
            );
        }
        Ok(())
    }

    /// Deletes what it has created in an existing cluster. Its own cluster ends with this value.
    ///
    /// # Errors
    /// With kubectl's error.
    pub async fn end(self) -> Result<()> {
        if self.place.ends_with_the_run() {
            return Ok(());
        }
        let helm = ["uninstall", OPERATOR, "--namespace", OPERATOR, "--ignore-not-found"];
        self.admin().helm(&helm).await?;
        // As long as its definition exists, a binding could wait for a missing operator.
        self.kubectl(&["delete", "customresourcedefinition", DEFINITION, "--ignore-not-found"])
            .await?;
        let delete = ["delete", "namespace", "--ignore-not-found", "--timeout=2m"];
        self.kubectl(&[&delete[..], &NAMESPACES].concat()).await.map(drop)
    }

    /// Ends it after an error, which is reported with the state of the cluster.
    pub async fn fail(self, error: Error) -> Error {
        let described = self.describe().await;
        let error = error.context(format!("{described}\n\nthe step does not hold"));
        match self.end().await {
            Ok(()) => error,
            Err(left) => error.context(format!("and the created objects still exist: {left:#}")),
        }
    }

    /// Whether its network plugin must enforce NetworkPolicies. False if only a trial can show it.
    pub fn has_to_enforce_policies(&self) -> bool {
        self.place.has_to_enforce_policies()
    }

    pub fn admin(&self) -> &Kubeconfig {
        self.place.admin()
    }

    /// The name of an image of this run.
    pub fn image(&self, image: &str) -> String {
        self.images.name(image)
    }

    /// The image of the signer with the address of KMS.
    pub fn signer_with_kms(&self) -> String {
        self.image(WITH_KMS)
    }

    /// Runs kubectl, which must succeed.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.admin().kubectl_ok(arguments).await
    }

    /// Runs kubectl in the voter's namespace, which must succeed.
    pub async fn in_namespace(&self, arguments: &[&str]) -> Result<String> {
        self.kubectl(&[&["--namespace", NAMESPACE], arguments].concat()).await
    }

    /// Runs a program in a container of a pod of the voter's namespace, with text on standard input.
    pub async fn exec(&self, pod: &str, container: &str, command: &[&str], input: &str) -> Result<Answer> {
        let exec = [
            "--namespace",
            NAMESPACE,
            "exec",
            "--stdin",
            pod,
            "--container",
            container,
            "--",
        ];
        let command = [&exec[..], command].concat();
        self.admin().kubectl_in(Path::new("."), &command, input).await
    }

    /// `kubectl apply` in the voter's namespace.
    pub async fn apply(&self, object: &Value) -> Result<()> {
        self.apply_text(NAMESPACE, &object.to_string()).await
    }

    /// `kubectl apply` of a manifest.
    pub async fn apply_text(&self, namespace: &str, manifest: &str) -> Result<()> {
        let command = ["--namespace", namespace, "apply", "-f", "-"];
        let answer = self.admin().kubectl_in(Path::new("."), &command, manifest).await?;
        ensure!(answer.succeeded, "kubectl apply: {}", answer.stderr);
        Ok(())
    }

    /// The result of a dry-run creation in the voter's namespace.
    pub async fn try_to_create(&self, object: &Value) -> Result<Value> {
        let command = ["create", "--dry-run=server", "--output=json", "-f", "-"];
        let answer = self
            .admin()
            .kubectl_in(Path::new("."), &command, &object.to_string())
            .await?;
        ensure!(answer.succeeded, "kubectl create: {}", answer.stderr);
        Ok(serde_json::from_str(&answer.stdout)?)
    }

    /// The minor version of its Kubernetes 1.
    pub async fn minor(&self) -> Result<u32> {
        self.admin().minor().await
    }

    /// An object of the voter's namespace.
    pub async fn get(&self, kind: &str, name: &str) -> Result<Value> {
        let text = self.in_namespace(&["get", kind, name, "--output", "json"]).await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// The voter's pods that are not terminating.
    pub async fn pods(&self) -> Result<Vec<Value>> {
        let text = self
            .in_namespace(&["get", "pods", "--selector", "app=voter", "--output", "json"])
            .await?;
        let found: Value = serde_json::from_str(&text)?;
        let mut pods = found["items"].as_array().cloned().unwrap_or_default();
        pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        Ok(pods)
    }

    /// Number of templates that the voter has had.
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

    /// Installs the chart of a folder, or upgrades the release to it, and waits until the operator runs.
    pub async fn helm(&self, chart: &Path, network: Option<&Network>, arguments: &[&str]) -> Result<()> {
        let signers = ["signer", WITH_KMS].map(|image| self.images.repository(image));
        let values = json!({
            "image": {
                "repository": self.images.repository("operator"),
                "tag": self.images.tag(),
                "pullPolicy": "IfNotPresent",
            },
            "signerImage": self.image("signer"),
            "allowedSignerImages": signers,
            "networkPolicy": network.map_or_else(|| json!({}), Network::values),
        });
        let file = self.folder.path().join("values.json");
        std::fs::write(&file, values.to_string())?;
        let (chart, file) = (chart.to_string_lossy(), file.to_string_lossy());
        let install = ["upgrade", "--install", OPERATOR, &chart, "--values", &file];
        let waiting = ["--namespace", OPERATOR, "--wait", "--timeout=2m"];
        let command = [&install, &waiting[..], arguments].concat();
        self.admin().helm(&command).await.map(drop)
    }

    /// Runs the chart's own test.
    pub async fn helm_test(&self) -> Result<()> {
        let command = ["test", OPERATOR, "--namespace", OPERATOR, "--logs", "--timeout=2m"];
        self.admin().helm(&command).await.map(drop)
    }

    /// Uninstalls the release.
    pub async fn uninstall(&self) -> Result<()> {
        let command = ["uninstall", OPERATOR, "--namespace", OPERATOR, "--wait", "--timeout=2m"];
        self.admin().helm(&command).await.map(drop)
    }

    /// The state of the cluster, to explain a failure.
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
                "app in (voter, google, openbao)",
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
