//! Rendered changes that are not written now: they wait for a change of the binding, an approval, or a place in the queue.

use std::time::Instant;

use crds::conditions::reasons;

use super::deployment;
use super::writer::Writer;
use crate::model::applied::AppliedTarget;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::observed::Observed;
use crate::model::plan::{Gate, Planned};
use crate::model::reason::Reason;

/// Why nothing is written now. None if nothing prevents the write.
pub async fn hold(
    writer: &Writer,
    observed: &Observed,
    live: &LiveDeployment,
    planned: &Planned,
) -> Result<Option<AppliedTarget>, Error> {
    let Planned {
        rendered,
        gate,
        is_rotation,
        is_repair: _,
        is_stripped: _,
        is_altered: _,
        is_tried: _,
    } = planned;
    let rotation = *is_rotation;
    let held = |outcome| AppliedTarget {
        rotation,
        ..AppliedTarget::untouched(Some(live.clone()), outcome)
    };
    let is_in_place = deployment::is_in_place(writer, live, rendered);
    match gate {
        Gate::Shut(_) if is_in_place => Ok(Some(AppliedTarget {
            hash: Some(rendered.hash.clone()),
            ..held(Ok(()))
        })),
        Gate::Shut(refusal) => Ok(Some(held(Err(refusal.clone())))),
        _ if is_in_place => Ok(None),
        // A restoration is not delayed, because a voter may be running without its signer, or with one that somebody has changed.
        Gate::Open if planned.restores() => Ok(None),
        Gate::Open => {
            let now = Instant::now();
            if writer.rollouts.may_start(&observed.binding, live.name(), rotation, now) {
                return Ok(None);
            }
            Ok(Some(held(Err(Reason::new(
                reasons::ROLLOUT_QUEUED,
                format!(
                    "The limit of --max-rollouts ({}) is reached. The operator writes this Deployment when another rollout is done",
                    writer.rollouts.most()
                ),
            )))))
        }
        Gate::Approval(refusal) => Ok(Some(match deployment::dry_run(writer, live, rendered).await? {
            Ok(diff) => AppliedTarget {
                diff: Some(diff),
                ..held(Err(refusal.clone()))
            },
            Err(refusal) => held(Err(refusal)),
        })),
        Gate::Update => Ok(Some(AppliedTarget {
            // A refusal would be reported at the write, and nothing is written now.
            diff: deployment::dry_run(writer, live, rendered).await?.ok(),
            update: true,
            hash: live.injected_hash().map(str::to_owned),
            ..held(Ok(()))
        })),
    }
}
