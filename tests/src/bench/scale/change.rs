//! A new Deployment for one of many bindings: how soon it is injected, and how many requests that takes.

use std::time::{Duration, Instant};

use anyhow::{Error, Result, anyhow};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::PostParams;
use kube::runtime::wait::await_condition;

use super::super::operator::is_injected;
use super::fleet::{EACH, Fleet};
use super::requests;
use crate::ControlPlane;
use crate::bench::{median, percentile};

const PATIENCE: Duration = Duration::from_mins(1);

/// The results of the changes.
pub struct Changes {
    /// From sending the Deployment to seeing it injected, sorted.
    pub seconds: Vec<f64>,
    /// Median number of the operator's requests that name the binding or its Deployments, until the next change.
    pub requests: f64,
}

impl Changes {
    pub fn percentile(&self, percent: usize) -> f64 {
        percentile(&self.seconds, percent)
    }
}

/// Explains whether it was not injected, or the event was not seen.
async fn missed(api: &Api<Deployment>, name: &str) -> Error {
    let now = match api.get(name).await {
        Ok(deployment) => serde_json::to_string(&deployment).unwrap_or_default(),
        Err(error) => error.to_string(),
    };
    anyhow!(
        "{name} was not seen injected in {} s; now it is: {now}",
        PATIENCE.as_secs()
    )
}

/// New Deployments sequentially, each for another binding.
pub async fn changes(plane: &ControlPlane, fleet: &Fleet, count: usize) -> Result<Changes> {
    let before = plane.requests()?.len();
    let mut seconds = vec![];
    let step = (fleet.bindings / count).max(1);
    let members: Vec<_> = fleet.members().step_by(step).take(count).collect();
    for member in &members {
        let api: Api<Deployment> = Api::namespaced(fleet.client.clone(), member.namespace);
        let new: Deployment = serde_json::from_value(member.deployment(EACH))?;
        let name = format!("{}-{EACH}", member.name());
        let injected = Box::pin(await_condition(api.clone(), &name, |found: Option<&Deployment>| {
            found.is_some_and(is_injected)
        }));
        let started = Instant::now();
        api.create(&PostParams::default(), &new).await?;
        // With a watch, because polling would put load on the API server that is measured.
        match tokio::time::timeout(PATIENCE, injected).await {
            Ok(found) => drop(found?),
            Err(_) => return Err(Box::pin(missed(&api, &name)).await),
        }
        seconds.push(started.elapsed().as_secs_f64());
    }
    fleet.is_rolled_out().await?;
    seconds.sort_by(f64::total_cmp);
    let made = requests::since(plane, before)?;
    let counts: Vec<_> = members
        .iter()
        .map(|member| {
            let (name, prefix) = (member.name(), format!("{}-", member.name()));
            let is_its = |uri: &str| {
                let mut words = uri.split(|letter: char| "/?&=%".contains(letter));
                words.any(|word| word == name || word.starts_with(&prefix) || word.ends_with(&format!("3D{name}")))
            };
            let its = made
                .iter()
                .filter(|request| is_its(&request.uri) && requests::about_bindings(request));
            its.map(|_| 1.0).sum()
        })
        .collect();
    Ok(Changes {
        seconds,
        requests: median(&counts),
    })
}
