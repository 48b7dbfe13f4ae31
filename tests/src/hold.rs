//! Deployments that the API server holds until their signer is injected.

use anyhow::{Result, ensure};
use crds::kubernetes::MUTATING_POLICIES;
use crds::names::HELD_ANNOTATION;
use serde_json::Value;

use crate::ControlPlane;
use crate::eventually::{SOON, eventually};
use crate::operated::{Operated, Place, binding, voter};

/// Whether this version of Kubernetes can hold Deployments.
pub async fn can_hold(plane: &ControlPlane) -> Result<bool> {
    Ok(plane.minor().await? >= MUTATING_POLICIES)
}

/// Waits until the API server holds Deployments. After its start, it takes a while to find the kind of the policy's parameters.
pub async fn holds(operated: &'static Operated) -> Result<()> {
    let place = Place::on(operated, "probe").await?;
    place.apply(&binding()).await?;
    eventually(2 * SOON, "the first Deployment that is held", async || {
        ensure!(tried(&place, &voter()).await?.is_some(), "it is not held");
        Ok(())
    })
    .await
}

/// Which binding this Deployment would be held for if it were created.
pub async fn tried(place: &Place, manifest: &Value) -> Result<Option<String>> {
    let create = ["create", "--dry-run=server", "-f", "-", "-o", "json"];
    let answer = place.kubectl(&create, &manifest.to_string()).await?;
    ensure!(answer.succeeded, "{}", answer.stderr);
    let created: Value = serde_json::from_str(&answer.stdout)?;
    let held_for = created["metadata"]["annotations"][HELD_ANNOTATION].as_str();
    ensure!(
        held_for.is_none() || created["spec"]["paused"] == true,
        "annotated and not paused: {created}"
    );
    Ok(held_for.map(str::to_owned))
}

pub fn is_held(live: &Value) -> Result<()> {
    let annotation = &live["metadata"]["annotations"][HELD_ANNOTATION];
    ensure!(
        live["spec"]["paused"] == true && annotation.is_string(),
        "paused {}, annotation {annotation}",
        live["spec"]["paused"]
    );
    Ok(())
}

pub fn is_resumed(live: &Value) -> Result<()> {
    let annotation = &live["metadata"]["annotations"][HELD_ANNOTATION];
    ensure!(
        live["spec"]["paused"].is_null() && annotation.is_null(),
        "paused {}, annotation {annotation}",
        live["spec"]["paused"]
    );
    Ok(())
}
