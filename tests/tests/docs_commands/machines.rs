//! Acts as the nodes of a cluster without nodes. Pods become ready. The programs of the operator's pods run next to the
//! API server: the operator with the arguments of its Deployment, and the preflight of `helm test`.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod, PodSpec};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tests::operator_process::{self, OperatorProcess};
use tests::write::write;
use tests::{ControlPlane, chart, pods};

const PAUSE: Duration = Duration::from_millis(100);

/// The exit status of an operator that could not renew its Lease.
const LOST_ITS_LEASE: &str = "exit status: 75";

pub struct Machines<'a> {
    plane: &'a ControlPlane,
    client: Client,
    operator: Option<Running>,
}

struct Running {
    arguments: Vec<String>,
    process: OperatorProcess,
}

impl<'a> Machines<'a> {
    pub async fn of(plane: &'a ControlPlane) -> Result<Self> {
        Ok(Self {
            plane,
            client: plane.client().await?,
            operator: None,
        })
    }

    /// Acts as the nodes until the operator fails.
    pub async fn play(&mut self) -> Result<Infallible> {
        loop {
            self.follow_the_operator().await?;
            // A failure because an object was deleted is retried. If a failure persists, the page's own commands show
            // it.
            let _ = self.end_tests().await;
            let _ = self.make_ready().await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// One process for any number of replicas. It is restarted if its arguments change.
    async fn follow_the_operator(&mut self) -> Result<()> {
        let deployments = Api::<Deployment>::namespaced(self.client.clone(), chart::NAMESPACE);
        let wanted = deployments.get_opt(chart::SERVICE_ACCOUNT).await?;
        let wanted = wanted.and_then(|deployment| arguments(deployment.spec?.template.spec?));
        if let Some(running) = &mut self.operator {
            match running.process.still_runs() {
                Ok(()) if wanted.as_ref() == Some(&running.arguments) => return Ok(()),
                Ok(()) => {}
                // A kubelet would start it again. On a busy computer, the API server may answer too late for the Lease.
                Err(error) if format!("{error:#}").contains(LOST_ITS_LEASE) => self.operator = None,
                Err(error) => return Err(error),
            }
        }
        if let Some(Running { process, .. }) = self.operator.take() {
            process.stop()?;
        }
        if let Some(arguments) = wanted {
            let own: Vec<_> = arguments.iter().skip(1).map(String::as_str).collect();
            let process = OperatorProcess::start(self.plane, &own).await?;
            self.operator = Some(Running { arguments, process });
        }
        Ok(())
    }

    /// Ends the pods of `helm test` with the results of their commands.
    async fn end_tests(&self) -> Result<()> {
        let pods = Api::<Pod>::namespaced(self.client.clone(), chart::NAMESPACE);
        for pod in pods.list(&ListParams::default()).await? {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            let is_test = pod.annotations().get("helm.sh/hook").map(String::as_str) == Some("test");
            // A pod that was created after the last check was made ready like all others, and runs now.
            let has_ended = matches!(phase, Some("Succeeded" | "Failed"));
            if !is_test || has_ended {
                continue;
            }
            let name = pod.name_any();
            let arguments = pod.spec.and_then(arguments).context("a test without arguments")?;
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            let account = self
                .plane
                .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
                .await?;
            let namespace = format!("--lease-namespace={}", chart::NAMESPACE);
            let (code, said) = operator_process::command(&account, &[&arguments[..], &[&namespace]].concat()).await?;
            let phase = if code == Some(0) { "Succeeded" } else { "Failed" };
            let plain = PatchParams::default();
            let status = Patch::Merge(json!({"status": {"phase": phase, "message": said}}));
            write(|| pods.patch_status(&name, &plain, &status)).await?;
        }
        Ok(())
    }

    async fn make_ready(&self) -> Result<()> {
        let namespaces = Api::<Namespace>::all(self.client.clone());
        for namespace in namespaces.list(&ListParams::default()).await? {
            let name = namespace.name_any();
            if name != chart::NAMESPACE || self.operator.is_some() {
                pods::make_ready(&self.client, &name).await?;
            }
        }
        Ok(())
    }
}

fn arguments(pod: PodSpec) -> Option<Vec<String>> {
    pod.containers.into_iter().next()?.args
}
