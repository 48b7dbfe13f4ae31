//! Removes the injection, so that the Deployment has the spec from before the injection.

mod leftovers;
pub mod preview;

use serde_json::{Value, json};

use super::writer::Writer;
use super::{conflict, deployment, identity, json_patch, service};
use crate::model::applied::Removed;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::injection::DeploymentRef;

#[cfg(test)]
mod properties;

const ATTEMPT: &str = "restore the Deployment";
const ATTEMPTS: usize = 5;

/// Removes everything of a binding from its Deployment, and the annotation from its pods' account.
///
/// # Errors
/// Fails if the API server does not answer, or if the Deployment changed in the meantime.
pub async fn restore_all(writer: &Writer, live: &LiveDeployment) -> Result<Removed, Error> {
    let removed = restore(writer, live).await?;
    identity::restore(writer, live).await?;
    Ok(removed)
}

/// Gives up the operator's fields, reads the Deployment, and removes the rest. Leaves a Deployment without anything of the
/// operator unchanged, whatever its containers are called.
///
/// # Errors
/// Fails if the API server does not answer, or if the Deployment changed in the meantime.
pub async fn restore(writer: &Writer, live: &LiveDeployment) -> Result<Removed, Error> {
    let target = DeploymentRef::of(live);
    let changed = has_something(live);
    let mut after = live.clone();
    if changed {
        after = release_fields(writer, live).await?;
        let patch = leftovers::patch(live, &after);
        if !patch.is_empty() {
            after = clear(writer, live, after, patch).await?;
            // If the first apply was refused, the operator still owns the node container as a list item.
            deployment::ask_again(writer, &after, &nothing(&target));
            after = release_fields(writer, &after).await?;
        }
    }
    let service_stays = match service::delete(writer, &target).await {
        Ok(()) => false,
        // The Service blocks nothing, is deleted with the Deployment, and is reported.
        Err(error) if error.refusal().is_some() => true,
        Err(error) => return Err(error),
    };
    writer.ledger.forget(&target.uid);
    Ok(Removed {
        changed,
        kept: changed && leftovers::are_there(&after),
        service_stays,
    })
}

/// Sends the patch, and another one if the Deployment changed in the meantime, for example its status. After the first write has
/// given up the fields, only this function still knows which were the operator's.
async fn clear(
    writer: &Writer,
    before: &LiveDeployment,
    mut after: LiveDeployment,
    mut patch: Vec<Value>,
) -> Result<LiveDeployment, Error> {
    for _ in 1..ATTEMPTS {
        match json_patch::send(writer, &after, ATTEMPT, patch).await {
            Err(Error::Changed(_)) => {}
            answer => return answer,
        }
        let found = writer.cluster.deployment(before.namespace(), before.name()).await?;
        after = found
            .filter(|found| found.uid() == before.uid())
            .ok_or(Error::Changed("the Deployment"))?;
        patch = leftovers::patch(before, &after);
        if patch.is_empty() {
            return Ok(after);
        }
    }
    json_patch::send(writer, &after, ATTEMPT, patch).await
}

/// Whether the Deployment has anything of the operator.
pub fn has_something(live: &LiveDeployment) -> bool {
    live.ours().is_some() || live.injected_hash().is_some()
}

/// The empty apply. It is refused if another applied manifest owns a part of the operator's container, because the container
/// would lose required fields. The JSON patch handles this case.
async fn release_fields(writer: &Writer, live: &LiveDeployment) -> Result<LiveDeployment, Error> {
    if live.ours().is_none() {
        return Ok(live.clone());
    }
    release(writer, live, &nothing(&DeploymentRef::of(live))).await
}

/// Gives up only the variables of the node, by applying the present fields without them.
///
/// # Errors
/// Fails if the API server does not answer, or if the Deployment changed in the meantime.
pub async fn release_variables(writer: &Writer, live: &LiveDeployment) -> Result<LiveDeployment, Error> {
    let mut body = nothing(&DeploymentRef::of(live));
    body["spec"] = live.applied()["spec"].clone();
    if let Some(pod) = body["spec"]["template"]["spec"].as_object_mut() {
        pod.remove("containers");
    }
    release(writer, live, &body).await
}

async fn release(writer: &Writer, live: &LiveDeployment, body: &Value) -> Result<LiveDeployment, Error> {
    match deployment::patch(writer, live, body, false).await {
        Ok(patched) => Ok(patched.after),
        Err(error) if error.is_conflict() || error.response().is_some_and(conflict::is_another_object) => {
            Err(Error::Changed("the Deployment"))
        }
        Err(error) if error.refusal().is_some() => Ok(live.clone()),
        Err(error) => Err(error),
    }
}

/// The apply that gives up all fields of the operator.
fn nothing(target: &DeploymentRef) -> Value {
    let DeploymentRef { namespace, name, uid } = target;
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name, "namespace": namespace, "uid": uid },
    })
}
