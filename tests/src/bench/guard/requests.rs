//! The requests that policies check, and similar ones that must not become slower.

use std::time::Instant;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::chart;
use crate::operated::{Place, VOTER, binding, voter, with};
use crate::pods;

/// Bindings in the namespace. Each is a parameter of a policy that searches for the bindings of a Deployment.
const BINDINGS: usize = 10;

/// A Deployment without a binding.
const OTHER: &str = "other";

/// The label that one of the bindings selects.
const LABEL: &str = "bench";

/// A kind of request.
#[derive(Clone, Copy)]
pub enum Kind {
    CreateVoter,
    CreateOther,
    UpdateVoter,
    UpdateVoterAsOperator,
    UpdateOther,
    UpdateStatus,
    CreatePodOfVoter,
    CreateOtherPod,
}

pub const KINDS: [Kind; 8] = [
    Kind::CreateVoter,
    Kind::CreateOther,
    Kind::UpdateVoter,
    Kind::UpdateVoterAsOperator,
    Kind::UpdateOther,
    Kind::UpdateStatus,
    Kind::CreatePodOfVoter,
    Kind::CreateOtherPod,
];

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateVoter => "create a Deployment that a binding names",
            Self::CreateOther => "create another Deployment",
            Self::UpdateVoter => "update an injected Deployment",
            Self::UpdateVoterAsOperator => "change its signer, as the operator",
            Self::UpdateOther => "update another Deployment",
            Self::UpdateStatus => "update the status of an injected Deployment",
            Self::CreatePodOfVoter => "create a pod of a voter",
            Self::CreateOtherPod => "create another pod",
        }
    }
}

pub struct Requests {
    deployments: Api<Deployment>,
    as_operator: Api<Deployment>,
    pods: Api<Pod>,
    pod_of_voter: Value,
    other_pod: Value,
}

impl Requests {
    /// For a place whose voter is injected and is `whole`.
    pub async fn new(place: &Place, whole: &Value) -> Result<Self> {
        pods::default_account(&place.client, &place.namespace).await?;
        place.apply(&with(voter(), "/metadata/name", json!(OTHER))).await?;
        let selecting = json!({ "selector": { "matchLabels": { LABEL: "voter" } } });
        for number in 1..BINDINGS {
            let named = with(binding(), "/metadata/name", json!(format!("voter-{number}")));
            let target = if number == 1 {
                selecting.clone()
            } else {
                json!({ "name": format!("voter-{number}") })
            };
            place.apply(&with(named, "/spec/target", target)).await?;
        }
        let operator = place
            .operated
            .plane
            .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
            .await?;
        let namespaced = |client: Client| Api::namespaced(client, &place.namespace);
        Ok(Self {
            deployments: namespaced(place.client.clone()),
            as_operator: namespaced(operator.client().await?),
            pods: Api::namespaced(place.client.clone(), &place.namespace),
            pod_of_voter: pod(&whole["spec"]["template"]),
            other_pod: pod(&voter()["spec"]["template"]),
        })
    }

    /// Sends a request and returns its duration in seconds.
    pub async fn send(&self, kind: Kind, number: usize) -> Result<f64> {
        let post = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let patch = PatchParams {
            dry_run: true,
            ..PatchParams::default()
        };
        let annotated = Patch::Merge(json!({ "metadata": { "annotations": { LABEL: number.to_string() } } }));
        // A change that only the operator may make: its container, not an annotation of the Deployment.
        let signer = json!([{ "name": "signer", "env": [{ "name": "BENCH", "value": number.to_string() }] }]);
        let of_signer = Patch::Strategic(json!({ "spec": { "template": { "spec": { "initContainers": signer } } } }));
        let status = Patch::Merge(json!({ "status": { "collisionCount": number } }));
        let deployment = |labels: Value| {
            let named = with(voter(), "/metadata/name", json!(format!("new-{number}")));
            serde_json::from_value(with(named, "/metadata/labels", labels)).context("the fixture is no Deployment")
        };
        let named = deployment(json!({ LABEL: "voter" }))?;
        let unnamed = deployment(json!({}))?;
        let pod = |pod: &Value| serde_json::from_value(pod.clone()).context("the fixture is no Pod");
        let (of_voter, other) = (pod(&self.pod_of_voter)?, pod(&self.other_pod)?);

        let started = Instant::now();
        match kind {
            Kind::CreateVoter => self.deployments.create(&post, &named).await.map(drop),
            Kind::CreateOther => self.deployments.create(&post, &unnamed).await.map(drop),
            Kind::UpdateVoter => self.deployments.patch(VOTER, &patch, &annotated).await.map(drop),
            Kind::UpdateVoterAsOperator => self.as_operator.patch(VOTER, &patch, &of_signer).await.map(drop),
            Kind::UpdateOther => self.deployments.patch(OTHER, &patch, &annotated).await.map(drop),
            Kind::UpdateStatus => self.deployments.patch_status(VOTER, &patch, &status).await.map(drop),
            Kind::CreatePodOfVoter => self.pods.create(&post, &of_voter).await.map(drop),
            Kind::CreateOtherPod => self.pods.create(&post, &other).await.map(drop),
        }?;
        Ok(started.elapsed().as_secs_f64())
    }
}

/// As the ReplicaSet controller creates it.
fn pod(template: &Value) -> Value {
    let mut metadata = template["metadata"].clone();
    metadata["generateName"] = json!("voter-");
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"] })
}
