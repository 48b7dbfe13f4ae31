//! A control plane with a running operator, and a namespace with a voter for each test.

mod objects;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use crds::SignerBinding;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::discovery::ApiResource;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::control_plane::Request;
use crate::faulty_api::FaultyApi;
use crate::kubeconfig::Answer;
use crate::operator_process::{self, OperatorProcess};
use crate::write::write_by_kubectl;
use crate::{ControlPlane, Kubeconfig, chart, eventually, signer_process};

pub use crate::eventually::SOON;
pub use objects::{binding, secret, vault_key, voter, with};

/// An operator without requests for this long is idle.
const QUIET: Duration = Duration::from_secs(1);

/// The name of the Deployment and its binding in every namespace.
pub const VOTER: &str = "voter";

/// The token in every namespace. It must appear only in its Secret.
pub const TOKEN: &str = "correct-horse-battery-staple-0123456789";

/// The Google Cloud project in the operator's settings.
pub const PROJECT: &str = "cluster-project";

/// The only operator of a test binary, or one of several successive ones.
pub struct Operated {
    pub plane: &'static ControlPlane,
    operator: Mutex<Option<OperatorProcess>>,
}

impl Operated {
    /// Starts it once, with the chart's permissions.
    pub async fn shared() -> Result<&'static Self> {
        Self::with_chart(&[]).await
    }

    /// Starts it once, on a chart with these values. The first caller in a test binary decides.
    pub async fn with_chart(values: &[&str]) -> Result<&'static Self> {
        static SHARED: OnceCell<Operated> = OnceCell::const_new();
        SHARED
            .get_or_try_init(async || {
                let plane = ControlPlane::shared().await?;
                chart::install(plane.admin(), values).await?;
                Self::start(plane, &[&format!("--gke-project={PROJECT}")]).await
            })
            .await
    }

    /// Starts an operator in a cluster with the installed chart.
    pub async fn start(plane: &'static ControlPlane, arguments: &[&str]) -> Result<Self> {
        let operator = OperatorProcess::start(plane, arguments).await?;
        Ok(Self {
            plane,
            operator: Mutex::new(Some(operator)),
        })
    }

    /// Starts an operator with this kubeconfig.
    pub async fn start_as(plane: &'static ControlPlane, kubeconfig: &Kubeconfig, arguments: &[&str]) -> Result<Self> {
        let operator = OperatorProcess::start_as(kubeconfig, plane.directory(), arguments).await?;
        Ok(Self {
            plane,
            operator: Mutex::new(Some(operator)),
        })
    }

    /// Starts an operator behind a proxy that can inject faults.
    pub async fn behind_faults(plane: &'static ControlPlane) -> Result<(FaultyApi, &'static Self)> {
        chart::install(plane.admin(), &[]).await?;
        let identity = plane.service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT).await?;
        let api = FaultyApi::start("operator", &identity, plane.directory()).await?;
        let operated = Self::start_as(plane, api.kubeconfig(), &[]).await?;
        Ok((api, Box::leak(Box::new(operated))))
    }

    /// For a test that manages operators itself.
    pub fn by_the_test(plane: &'static ControlPlane) -> Self {
        Self {
            plane,
            operator: Mutex::new(None),
        }
    }

    /// The operator's whole log.
    pub fn log(&self) -> String {
        let operator = self.operator.lock().unwrap_or_else(PoisonError::into_inner);
        operator.as_ref().map(OperatorProcess::log).unwrap_or_default()
    }

    /// The answer for a path of the operator's admin port.
    pub async fn get(&self, path: &'static str) -> Result<signer_process::Answer> {
        let port = {
            let operator = self.operator.lock().unwrap_or_else(PoisonError::into_inner);
            operator.as_ref().map(OperatorProcess::admin_port)
        };
        operator_process::get(port.context("it has ended before")?, path).await
    }

    /// Stops the operator, as an upgrade does.
    pub fn stop(&self) -> Result<()> {
        let operator = self.operator.lock().unwrap_or_else(PoisonError::into_inner).take();
        let status = operator.context("it has ended before")?.stop()?;
        ensure!(status.success(), "SIGTERM ended the operator with {status}");
        Ok(())
    }
}

/// A namespace with a token and a LOCAL key, for one test.
pub struct Place {
    pub operated: &'static Operated,
    pub client: Client,
    pub namespace: String,
}

impl Place {
    pub async fn new(prefix: &str) -> Result<Self> {
        Self::on(Operated::shared().await?, prefix).await
    }

    /// A namespace for one test, with an operator that the test chooses.
    pub async fn on(operated: &'static Operated, prefix: &str) -> Result<Self> {
        let namespace = operated.plane.namespace(prefix).await?;
        Self::in_namespace(operated, namespace).await
    }

    /// A place for one test in an existing namespace.
    pub async fn in_namespace(operated: &'static Operated, namespace: String) -> Result<Self> {
        let place = Self {
            client: operated.plane.client().await?,
            namespace,
            operated,
        };
        place.apply(&secret("token", "value", TOKEN)).await?;
        place.apply(&secret("key", "value", &"0".repeat(64))).await?;
        Ok(place)
    }

    /// Runs kubectl in the namespace.
    pub async fn kubectl(&self, arguments: &[&str], input: &str) -> Result<Answer> {
        let arguments: Vec<_> = ["--namespace", &self.namespace]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        let admin = self.operated.plane.admin();
        admin.kubectl_in(Path::new("."), &arguments, input).await
    }

    /// Runs kubectl in the namespace, which must succeed.
    pub async fn kubectl_ok(&self, arguments: &[&str]) -> Result<String> {
        let answer = self.kubectl(arguments, "").await?;
        ensure!(
            answer.succeeded,
            "kubectl {arguments:?}: {}{}",
            answer.stdout,
            answer.stderr
        );
        Ok(answer.stdout)
    }

    /// Runs client-side `kubectl apply`, as people do.
    pub async fn apply(&self, object: &Value) -> Result<()> {
        self.apply_with(object, &[]).await
    }

    /// `kubectl apply` with further arguments.
    pub async fn apply_with(&self, object: &Value, arguments: &[&str]) -> Result<()> {
        let command: Vec<_> = ["apply", "-f", "-"].iter().chain(arguments).copied().collect();
        let answer = self.kubectl(&command, &object.to_string()).await?;
        ensure!(answer.succeeded, "kubectl apply: {}", answer.stderr);
        Ok(())
    }

    /// Server-side apply of a part of the Deployment's spec, as by a tool that manages only this part. kubectl would take
    /// ownership of all fields that were applied client-side before.
    pub async fn apply_spec_as(&self, manager: &str, spec: &Value) -> Result<()> {
        let part = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": VOTER }, "spec": spec,
        });
        let parameters = PatchParams::apply(manager);
        self.deployments()
            .patch(VOTER, &parameters, &Patch::Apply(part))
            .await?;
        Ok(())
    }

    /// `kubectl replace` with an object that is derived from the live one, repeated if another client has written since.
    pub async fn replace(&self, object: impl AsyncFn() -> Result<Value>) -> Result<()> {
        let attempt = || async {
            let object = object().await?.to_string();
            self.kubectl(&["replace", "-f", "-"], &object).await
        };
        let answer = write_by_kubectl(attempt).await?;
        ensure!(answer.succeeded, "kubectl replace: {}", answer.stderr);
        Ok(())
    }

    /// Pauses the Deployment. The guard then allows every edit, and the operator still repairs it.
    pub async fn pause(&self) -> Result<()> {
        self.kubectl_ok(&["rollout", "pause", "deployment", VOTER])
            .await
            .map(drop)
    }

    /// Resumes the Deployment, which the guard allows once its template is complete.
    pub async fn resume(&self) -> Result<()> {
        self.kubectl_ok(&["rollout", "resume", "deployment", VOTER])
            .await
            .map(drop)
    }

    fn deployments(&self) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<Deployment>(&());
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    /// The present Deployment.
    pub async fn deployment(&self) -> Result<Value> {
        Ok(serde_json::to_value(self.deployments().get(VOTER).await?)?)
    }

    /// The present binding.
    pub async fn binding(&self) -> Result<SignerBinding> {
        Ok(Api::namespaced(self.client.clone(), &self.namespace).get(VOTER).await?)
    }

    /// Waits until a condition has this status and reason, and returns its message.
    pub async fn condition(&self, type_: &str, status: &str, reason: &str) -> Result<String> {
        self.condition_of(VOTER, type_, status, reason).await
    }

    /// Waits until a condition of the binding with this name has this status and reason, and returns its message.
    pub async fn condition_of(&self, name: &str, type_: &str, status: &str, reason: &str) -> Result<String> {
        let bindings: Api<SignerBinding> = Api::namespaced(self.client.clone(), &self.namespace);
        eventually(SOON, &format!("{type_}={status} ({reason}) of {name}"), async || {
            let binding = bindings.get(name).await?;
            let found = binding.status.context("no status yet")?;
            let conditions = found.conditions;
            let condition = conditions
                .iter()
                .find(|condition| condition.type_ == type_)
                .with_context(|| format!("no {type_}"))?;
            ensure!(
                condition.status == status && condition.reason == reason,
                "{}={} ({}): {}",
                condition.type_,
                condition.status,
                condition.reason,
                condition.message
            );
            ensure!(
                found.observed_generation == binding.metadata.generation,
                "the status is about an older spec"
            );
            Ok(condition.message.clone())
        })
        .await
    }

    /// Applies a voter and its binding, waits for the injection, and returns the Deployment.
    pub async fn injected(&self) -> Result<Value> {
        self.apply(&voter()).await?;
        self.apply(&binding()).await?;
        self.condition("Injected", "True", "Injected").await?;
        self.deployment().await
    }

    /// All requests of an operator in this namespace.
    pub fn requests_of_operator(&self) -> Result<Vec<Request>> {
        let requests = self.operated.plane.requests()?.into_iter();
        let of_operator =
            |request: &Request| request.user() == chart::OPERATOR && request.namespace() == self.namespace;
        Ok(requests.filter(of_operator).collect())
    }

    /// Waits until the operator has sent no request in this namespace for a while.
    pub async fn is_quiet(&self) -> Result<()> {
        eventually(SOON, "an operator with nothing to do", async || {
            let before = self.requests_of_operator()?.len();
            tokio::time::sleep(QUIET).await;
            let after = self.requests_of_operator()?.len();
            ensure!(after == before, "it made {} requests", after - before);
            Ok(())
        })
        .await
    }

    /// Replaces the Deployment by a copy without history, as the restore of a backup does.
    pub async fn restore_from_backup(&self) -> Result<()> {
        self.create_again("background").await
    }

    /// Replaces the Deployment by a copy without an interruption: its pods continue, and the copy adopts them. People
    /// change immutable fields in this way.
    pub async fn create_again_around_its_pods(&self) -> Result<()> {
        self.create_again("orphan").await
    }

    async fn create_again(&self, cascade: &str) -> Result<()> {
        let mut backup = self.deployment().await?;
        let cascade = format!("--cascade={cascade}");
        self.kubectl_ok(&["delete", "deployment", VOTER, &cascade]).await?;
        if let Some(metadata) = backup["metadata"].as_object_mut() {
            metadata.retain(|field, _| ["name", "namespace", "labels", "annotations"].contains(&field.as_str()));
        }
        let copy = serde_json::from_value(backup)?;
        self.deployments().create(&PostParams::default(), &copy).await?;
        eventually(SOON, "our field manager on the restored object", async || {
            let fields = self.deployment().await?["metadata"]["managedFields"].to_string();
            ensure!(fields.contains("\"signer-operator\""), "{fields}");
            Ok(())
        })
        .await
    }

    /// Waits until one Event with this reason is about the binding, and one about the Deployment.
    pub async fn told_once(&self, reason: &str) -> Result<()> {
        for kind in ["SignerBinding", "Deployment"] {
            eventually(SOON, &format!("one Event {reason}"), async || {
                let events = self.events(kind).await?;
                let told = events.iter().filter(|(found, _)| found == reason).count();
                ensure!(told == 1, "{kind}: {events:?}");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Waits for an Event with this reason about an object of this kind. Events are written after the status.
    pub async fn tells(&self, kind: &str, reason: &str) -> Result<()> {
        eventually(SOON, &format!("an Event {reason}"), async || {
            let events = self.events(kind).await?;
            ensure!(events.iter().any(|(found, _)| found == reason), "{kind}: {events:?}");
            Ok(())
        })
        .await
    }

    /// Reasons and notes of the Events about an object of this kind.
    pub async fn events(&self, kind: &str) -> Result<Vec<(String, String)>> {
        let events: Api<k8s_openapi::api::events::v1::Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let found = events.list(&kube::api::ListParams::default()).await?;
        Ok(found
            .items
            .into_iter()
            .filter(|event| event.regarding.as_ref().and_then(|about| about.kind.as_deref()) == Some(kind))
            .filter(|event| event.reporting_controller.as_deref() == Some("signer-operator"))
            .map(|event| (event.reason.unwrap_or_default(), event.note.unwrap_or_default()))
            .collect())
    }
}
