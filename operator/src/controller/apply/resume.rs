//! Resumes a Deployment that was held until its signer was injected.

use crds::conditions::reasons;
use crds::names::HELD_ANNOTATION;
use serde_json::{Value, json};

use super::rejected::rejected;
use super::writer::Writer;
use super::{deployment, json_patch};
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::reason::Reason;
use crate::model::rendered::Rendered;
use crate::template::whole::is_whole;

/// Maximum retries because the Deployment's status changed, which is usual right after the injection.
const TRIES_AGAIN: u32 = 8;

/// Resumes an injected Deployment if it was held, once the signer is present and the node has its variables.
///
/// # Errors
/// Fails if the API server does not answer, or if the Deployment changed in the meantime.
pub async fn once_whole(
    writer: &Writer,
    live: LiveDeployment,
    rendered: &Rendered,
) -> Result<(LiveDeployment, Result<bool, Reason>), Error> {
    if live.held_for().is_none() {
        return Ok((live, Ok(false)));
    }
    if live.is_paused() && !is_whole(&live, &rendered.node_container) {
        let refusal = Reason::new(
            reasons::REJECTED,
            format!(
                "An admission plugin or a webhook of this cluster changed what the operator wrote: expected init container signer with restartPolicy Always and the three ATTO_SIGNER_* variables in container {} of Deployment {}. Make an exception for it there",
                rendered.node_container,
                live.name()
            ),
        );
        return Ok((live, Err(refusal)));
    }
    Ok(match resume(writer, &live).await? {
        Ok(after) => (after, Ok(live.is_paused())),
        Err(refusal) => (live, Err(refusal)),
    })
}

/// Removes the pause and the annotation together. If a person has already resumed the Deployment, removes the annotation, which
/// would make a later pause by a person look like the operator's.
///
/// # Errors
/// Fails if the API server does not answer, or if the Deployment changed in the meantime.
pub async fn resume(writer: &Writer, live: &LiveDeployment) -> Result<Result<LiveDeployment, Reason>, Error> {
    let mut version = live.resource_version().to_owned();
    for _ in 0..TRIES_AGAIN {
        let error = match json_patch::send_to(writer, live, &version, "resume the Deployment", operations(live)).await {
            Ok(after) => return Ok(Ok(after)),
            Err(error) => error,
        };
        if let Some(status) = error.refusal() {
            return Ok(Err(rejected(status)));
        }
        if !matches!(error, Error::Changed(_)) {
            return Err(error);
        }
        let now = writer.cluster.deployment(live.namespace(), live.name()).await?;
        match now {
            Some(now) if is_the_same_to_resume(live, &now) => now.resource_version().clone_into(&mut version),
            _ => break,
        }
    }
    Err(Error::Changed("the Deployment"))
}

fn is_the_same_to_resume(live: &LiveDeployment, now: &LiveDeployment) -> bool {
    deployment::is_same_but_for_status(live, now) && live.held_for() == now.held_for()
}

fn operations(live: &LiveDeployment) -> Vec<Value> {
    let annotation = format!(
        "/metadata/annotations/{}",
        HELD_ANNOTATION.replace('~', "~0").replace('/', "~1")
    );
    let mut operations = vec![
        json!({ "op": "test", "path": annotation, "value": live.held_for() }),
        json!({ "op": "remove", "path": annotation }),
    ];
    if live.is_paused() {
        operations.push(json!({ "op": "remove", "path": "/spec/paused" }));
    }
    operations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_taken_away_only_with_its_annotation() {
        let live = |paused: bool| {
            LiveDeployment::new(json!({
                "metadata": {"uid": "u", "annotations": {"signer.atto.cash/held": "voter"}}, "spec": {"paused": paused},
            }))
        };
        assert_eq!(
            json_patch::bound(&live(true), "7", operations(&live(true))),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "test", "path": "/metadata/annotations/signer.atto.cash~1held", "value": "voter"},
                {"op": "remove", "path": "/metadata/annotations/signer.atto.cash~1held"},
                {"op": "remove", "path": "/spec/paused"},
            ])
        );
        let resumed_by_hand = Value::Array(operations(&live(false))).to_string();
        assert!(!resumed_by_hand.contains("paused"), "{resumed_by_hand}");
    }
}
