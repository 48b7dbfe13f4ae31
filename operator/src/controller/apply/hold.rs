//! What is rendered and not written now: for want of a change of the binding, of an approval, or of a place in the queue.

use crds::conditions::reasons;

use super::deployment;
use crate::controller::context::Context;
use crate::controller::plan;
use crate::model::applied::AppliedTarget;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::observed::Observed;
use crate::model::plan::Gate;
use crate::model::reason::Refusal;
use crate::model::rendered::Rendered;

/// What is not written now, and why; none if the way is free.
pub async fn hold(
    context: &Context,
    observed: &Observed,
    live: &LiveDeployment,
    rendered: &Rendered,
    gate: Gate,
) -> Result<Option<AppliedTarget>, Error> {
    let rotation = plan::is_rotation(live, rendered);
    let held = |outcome| AppliedTarget {
        rotation,
        ..AppliedTarget::untouched(Some(live.clone()), outcome)
    };
    let is_in_place = deployment::is_in_place(context, live, rendered);
    match gate {
        Gate::Shut(_) if is_in_place => Ok(Some(AppliedTarget {
            hash: Some(rendered.hash.clone()),
            ..held(Ok(()))
        })),
        Gate::Shut(refusal) => Ok(Some(held(Err(refusal)))),
        _ if is_in_place => Ok(None),
        // What was there is put back at once: a voter may run without its signer.
        Gate::Open if plan::is_repair(&observed.binding, live, rendered) => Ok(None),
        Gate::Open => {
            if context.rollouts.may_start(&observed.binding, live.name(), rotation) {
                return Ok(None);
            }
            Ok(Some(held(Err(Refusal::new(
                reasons::ROLLOUT_QUEUED,
                format!(
                    "as many Deployments roll out as --max-rollouts allows ({}); this one is written when another is done",
                    context.rollouts.most()
                ),
            )))))
        }
        Gate::Approval(refusal) => Ok(Some(match deployment::dry_run(context, live, rendered).await? {
            Ok(diff) => AppliedTarget {
                diff: Some(diff),
                ..held(Err(refusal))
            },
            Err(refusal) => held(Err(refusal)),
        })),
        Gate::Update => Ok(Some(match deployment::dry_run(context, live, rendered).await? {
            Ok(diff) => AppliedTarget {
                diff: Some(diff),
                update: true,
                hash: live.injected_hash().map(str::to_owned),
                ..held(Ok(()))
            },
            Err(refusal) => held(Err(refusal)),
        })),
    }
}
