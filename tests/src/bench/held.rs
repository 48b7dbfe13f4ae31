//! How long a new voter of a binding is held before its first pod may start.

use std::time::Instant;

use anyhow::{Result, ensure};
use crds::names::HELD_ANNOTATION;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::{Api, PostParams};

use super::PATIENCE;
use crate::eventually;
use crate::operated::{Place, VOTER, binding, voter};

/// Sequentially: seconds from sending a Deployment until it is injected and resumed. None if the API server cannot hold
/// Deployments.
pub async fn held(count: usize) -> Result<Vec<f64>> {
    let place = bound().await?;
    let deployments: Api<Deployment> = Api::namespaced(place.client.clone(), &place.namespace);
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let holds = eventually(PATIENCE, "the first Deployment that is held", async || {
        ensure!(
            is_held(&deployments.create(&dry_run, &serde_json::from_value(voter())?).await?),
            "not yet"
        );
        Ok(())
    });
    if holds.await.is_err() {
        return Ok(vec![]);
    }
    let mut seconds = vec![];
    for _ in 0..count {
        let place = bound().await?;
        let deployments: Api<Deployment> = Api::namespaced(place.client.clone(), &place.namespace);
        let manifest = serde_json::from_value(voter())?;
        let started = Instant::now();
        let created = deployments.create(&PostParams::default(), &manifest).await?;
        ensure!(is_held(&created), "the new Deployment was not held");
        while is_held(&deployments.get(VOTER).await?) {
            ensure!(started.elapsed() < PATIENCE, "it is still held");
        }
        seconds.push(started.elapsed().as_secs_f64());
    }
    Ok(seconds)
}

/// A binding that waits for its Deployment.
async fn bound() -> Result<Place> {
    let place = Place::new("bench-held").await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "False", "DeploymentNotFound").await?;
    Ok(place)
}

fn is_held(deployment: &Deployment) -> bool {
    deployment.annotations().contains_key(HELD_ANNOTATION)
}
