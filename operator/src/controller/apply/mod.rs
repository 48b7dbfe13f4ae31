//! Step 5: the only writes.

mod additions;
mod budget;
mod clashes;
mod conflict;
mod departure;
mod deployment;
mod diff;
mod drift;
pub mod finalizer;
mod force;
mod hold;
pub mod identity;
mod json_patch;
mod patched;
mod rejected;
pub mod removal;
mod rename;
pub mod report;
pub mod resume;
mod service;
mod trial;
mod writer;

use std::time::Instant;

use crds::conditions::reasons;
use crds::names::FIELD_MANAGER;

use crate::controller::ledger::PutBack;
use crate::controller::rollout_limit;
use crate::model::applied::{Applied, AppliedTarget, Written};
use crate::model::binding::removes;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::observed::{Observed, ObservedTarget, Selection};
use crate::model::plan::{Plan, Planned};
use crate::model::reason::Reason;

pub use finalizer::Finalizer;
pub use writer::Writer;

/// Writes what is not in place yet. A failure for one Deployment does not stop the others.
///
/// # Errors
/// Fails if nothing could be written, because the API server does not answer or because the Deployments changed in the meantime.
pub async fn apply(writer: &Writer, observed: &Observed, plan: Plan, finalizer: &Finalizer) -> Result<Applied, Error> {
    let mut targets = vec![];
    let mut failed: Option<Error> = None;
    let mut done = 0;
    note_rollouts(writer, observed);
    for (target, planned) in observed.targets.iter().zip(plan.targets) {
        let planned = planned.and_then(|planned| may_begin(writer, target, planned, finalizer));
        let result = if plan.removals.contains(&target.name) {
            departure::remove(writer, observed, target, planned.err()).await
        } else {
            apply_target(writer, observed, target, planned).await
        };
        match result {
            Ok(mut applied) => {
                done += 1;
                failed = worse(failed, applied.failed.take());
                targets.push(applied);
            }
            Err(error) => {
                let outcome = Err(tried_again(&target.name, &error));
                targets.push(AppliedTarget::untouched(target.deployment.clone(), outcome));
                failed = worse(failed, Some(error));
            }
        }
    }
    match failed {
        // Without a result, there is nothing to report.
        Some(error) if done == 0 => Err(error),
        // Also if a Deployment changed in the meantime: the results of the others are only available now.
        failed => Ok(Applied {
            targets,
            failed,
            plan: plan.hash,
            released: vec![],
            refused: match finalizer {
                Finalizer::IsRight => vec![],
                Finalizer::IsMissing(refusal) | Finalizer::IsLeft(refusal) => vec![refusal.clone()],
            },
        }),
    }
}

/// Does not begin an injection that could not be removed with its binding. A voter that already has its signer keeps it, and gets
/// it restored.
fn may_begin(
    writer: &Writer,
    target: &ObservedTarget,
    planned: Planned,
    finalizer: &Finalizer,
) -> Result<Planned, Reason> {
    let Finalizer::IsMissing(refusal) = finalizer else {
        return Ok(planned);
    };
    let live = target.deployment.as_ref();
    let is_there = live.is_some_and(|live| deployment::is_in_place(writer, live, &planned.rendered));
    if planned.restores() || is_there {
        return Ok(planned);
    }
    Err(refusal.clone())
}

/// A failure takes precedence over a change in the meantime.
fn worse(first: Option<Error>, second: Option<Error>) -> Option<Error> {
    match (first, second) {
        (Some(Error::Changed(_)) | None, Some(second)) => Some(second),
        (first, _) => first,
    }
}

fn tried_again(deployment: &str, error: &Error) -> Reason {
    Reason::new(
        reasons::PROGRESSING,
        format!("Deployment {deployment}: {error}. The operator tries again"),
    )
}

fn note_rollouts(writer: &Writer, observed: &Observed) {
    let deployments = observed.targets.iter().filter_map(|target| target.deployment.as_ref());
    let now = Instant::now();
    let accounts = observed.accounts.iter().filter_map(|account| account.live.as_ref());
    let accounts = accounts.filter_map(|live| live["metadata"]["uid"].as_str());
    let uids = deployments.clone().map(LiveDeployment::uid).chain(accounts);
    writer.ledger.seen(uids, now);
    let rolling = deployments.filter_map(|live| Some((live.name().to_owned(), rollout_limit::rolls(live)?)));
    writer.rollouts.observe(&observed.binding, rolling.collect(), now);
}

/// Writes one Deployment, its Service, and the annotation of its ServiceAccount.
///
/// # Errors
/// Fails if the API server does not answer, or if the Deployment changed in the meantime.
pub async fn apply_target(
    writer: &Writer,
    observed: &Observed,
    target: &ObservedTarget,
    planned: Result<Planned, Reason>,
) -> Result<AppliedTarget, Error> {
    let live = target.deployment.as_ref();
    match (planned, live) {
        (Ok(planned), Some(live)) => {
            let applied = write(writer, observed, target, live, planned).await;
            if let Ok(applied) = &applied {
                give_back_the_place(writer, observed, live, applied);
            }
            applied
        }
        (Ok(_), None) => Err(Error::Changed("the Deployment")),
        (Err(refusal), live) if observed.binding.spec.suspend == Some(true) => {
            Ok(AppliedTarget::untouched(live.cloned(), Err(refusal)))
        }
        (Err(refusal), Some(live)) if target.selection == Selection::Departs && removes(&observed.binding) => {
            departure::keep(writer, live, refusal).await
        }
        (Err(refusal), live) => {
            let live = rename::make_way(writer, &observed.binding, live, &refusal).await?;
            Ok(AppliedTarget::untouched(live, Err(refusal)))
        }
    }
}

/// A refused write rolls nothing. Its place is released now, because it would be tried again before the place is checked, and
/// others would wait.
fn give_back_the_place(writer: &Writer, observed: &Observed, live: &LiveDeployment, applied: &AppliedTarget) {
    let is_refused = applied.written == Written::Nothing && applied.outcome.is_err();
    if is_refused && rollout_limit::rolls(live).is_none() {
        let now = Instant::now();
        writer.rollouts.give_back(&observed.binding, live.name(), now);
    }
}

async fn write(
    writer: &Writer,
    observed: &Observed,
    target: &ObservedTarget,
    live: &LiveDeployment,
    planned: Planned,
) -> Result<AppliedTarget, Error> {
    if let Some(held) = hold::hold(writer, observed, live, &planned).await? {
        return Ok(held);
    }
    let Planned {
        rendered,
        is_tried,
        is_stripped,
        is_repair,
        is_altered,
        ..
    } = planned;
    let rewrite = budget::Rewrite::of(observed, live, &rendered).filter(|_| !is_stripped);
    if let Some(Err(refusal)) = rewrite.as_ref().map(|rewrite| rewrite.is_left(writer, live)) {
        return Ok(AppliedTarget::untouched(Some(live.clone()), Err(refusal)));
    }
    let is_in_place = deployment::is_in_place(writer, live, &rendered);
    let is_drift = (is_repair || writer.ledger.was_applied(live.uid(), &rendered.hash)) && !is_in_place;
    // A write to a field of another manager needs force, which has its own limit and a message with the manager's name.
    let is_put_back = is_stripped || (is_drift && !others_hold_of_it(live));
    if is_put_back && let Err(refusal) = budget::signer_may_be_put_back(writer, live, &rendered) {
        return Ok(AppliedTarget::untouched(Some(live.clone()), Err(refusal)));
    }
    if is_tried && !is_in_place {
        match trial::refusal(writer, live, &rendered).await {
            Ok(None) => {}
            Ok(Some(refusal)) => return Ok(AppliedTarget::untouched(Some(live.clone()), Err(refusal))),
            // Reported as well, because a webhook may stay unavailable.
            Err(error) => {
                let outcome = Err(tried_again(&target.name, &error));
                return Ok(AppliedTarget {
                    failed: Some(error),
                    ..AppliedTarget::untouched(Some(live.clone()), outcome)
                });
            }
        }
    }
    // A voter without its signer is restored first. The account follows in the next reconcile, which this write triggers.
    if !is_stripped && let Err(refusal) = identity::apply(writer, observed, &rendered.identity).await? {
        let not_ready = Reason::new(reasons::IDENTITY_NOT_READY, "See the condition IdentityReady");
        return Ok(AppliedTarget {
            identity: Err(refusal),
            ..AppliedTarget::untouched(Some(live.clone()), Err(not_ready))
        });
    }
    let (deployment, written) = deployment::apply(writer, live, &rendered, is_altered).await?;
    if let (Some(rewrite), Ok(Written::Injection | Written::Repair)) = (rewrite, &written) {
        rewrite.is_made(writer);
    }
    let is_repaired = written == Ok(Written::Repair);
    if is_repaired {
        writer.metrics.repaired(&observed.binding, live.name());
    }
    if is_put_back && matches!(written, Ok(Written::Injection | Written::Repair)) {
        writer
            .ledger
            .put_back(live.uid(), PutBack::Signer, &rendered.hash, Instant::now());
    }
    let mut failed = None;
    let mut service = Ok(());
    let (deployment, resumed) = match written {
        Ok(_) => {
            match service::apply(writer, target.service.as_ref(), &rendered).await {
                Ok(outcome) => service = outcome,
                // The voter does not wait for its Service.
                Err(error) => failed = Some(error),
            }
            match resume::once_whole(writer, deployment.clone(), &rendered).await {
                Ok(after) => after,
                Err(error) => {
                    let refusal = tried_again(&target.name, &error);
                    failed = worse(failed, Some(error));
                    (deployment, Err(refusal))
                }
            }
        }
        Err(ref refusal) => (deployment, Err(refusal.clone())),
    };
    Ok(AppliedTarget {
        written: written.unwrap_or(Written::Nothing),
        hash: resumed.is_ok().then(|| rendered.hash.clone()),
        resumed: resumed == Ok(true),
        changed_by: is_repaired.then(|| drift::changed_by(live, &rendered.deployment)),
        failed,
        service,
        ..AppliedTarget::untouched(Some(deployment), resumed.map(drop))
    })
}

fn others_hold_of_it(live: &LiveDeployment) -> bool {
    let mut others = live.managed_fields().filter(|entry| entry.manager != FIELD_MANAGER);
    others.any(|entry| entry.owns_something_injected())
}
