//! Step 4: the only writes.

mod conflict;
mod deployment;
pub mod finalizer;
pub mod identity;
pub mod memory;
pub mod removal;
pub mod report;
mod service;

use crds::conditions::reasons;

use super::context::Context;
use super::error::Error;
use super::live::LiveDeployment;
use super::observe::{Observed, ObservedTarget, Selection, removes};
use super::render::Rendered;
use super::validate::Refusal;
use removal::Removed;

/// What became of the rendered objects.
#[derive(Debug)]
pub struct Applied {
    /// In the order of the targets that were observed.
    pub targets: Vec<AppliedTarget>,
    /// Why one of them has to be tried again. The others are written all the same.
    pub failed: Option<Error>,
}

/// What became of one Deployment.
#[derive(Debug)]
pub struct AppliedTarget {
    /// The Deployment after the write, or as it was found.
    pub deployment: Option<LiveDeployment>,
    /// What was written to the Deployment, whatever came after it.
    pub written: Written,
    /// Why the ServiceAccount could not be annotated.
    pub identity: Result<(), Refusal>,
    pub outcome: Result<(), Refusal>,
}

/// What had to be written to the Deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Everything was there.
    Nothing,
    /// The injection is new, or another one than before.
    Injection,
    /// The same injection as before, which somebody had changed.
    Repair,
    /// It is not the binding's any more, and was restored.
    Removal(Removed),
}

impl Applied {
    /// The first refusal of a Deployment that the binding is for.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.targets
            .iter()
            .filter_map(|target| target.outcome.as_ref().err())
            .find(|refusal| refusal.reason != reasons::NO_LONGER_SELECTED)
    }
}

/// Writes what is not there yet. One Deployment that fails does not stop another.
///
/// # Errors
/// Fails if nothing could be written because the API server does not answer, or because a Deployment changed under the
/// write, after which everything has to be looked at again.
pub async fn apply(
    context: &Context,
    observed: &Observed,
    rendered: Vec<Result<Rendered, Refusal>>,
) -> Result<Applied, Error> {
    let mut targets = vec![];
    let mut failed: Option<Error> = None;
    let mut done = 0;
    for (target, rendered) in observed.targets.iter().zip(rendered) {
        match apply_target(context, observed, target, rendered).await {
            Ok(applied) => {
                done += 1;
                targets.push(applied);
            }
            Err(error) => {
                targets.push(unfinished(target, &error));
                // What failed outlasts what only changed.
                failed = match failed {
                    Some(first) if !matches!(first, Error::Changed(_)) => Some(first),
                    _ => Some(error),
                };
            }
        }
    }
    match failed {
        Some(error) if done == 0 || matches!(error, Error::Changed(_)) => Err(error),
        failed => Ok(Applied { targets, failed }),
    }
}

/// What is said of a Deployment that is tried again, beside others that were written.
fn unfinished(target: &ObservedTarget, error: &Error) -> AppliedTarget {
    AppliedTarget {
        deployment: target.deployment.clone(),
        written: Written::Nothing,
        identity: Ok(()),
        outcome: Err(Refusal::new(
            reasons::PROGRESSING,
            format!("Deployment {}: it is tried again: {error}", target.name),
        )),
    }
}

/// Writes one Deployment and its Service.
///
/// # Errors
/// Fails if the API server does not answer, or if the Deployment changed under the write.
pub async fn apply_target(
    context: &Context,
    observed: &Observed,
    target: &ObservedTarget,
    rendered: Result<Rendered, Refusal>,
) -> Result<AppliedTarget, Error> {
    let live = target.deployment.as_ref();
    let (rendered, live) = match (rendered, live) {
        (Ok(rendered), Some(live)) => (rendered, live),
        (Ok(_), None) => return Err(Error::Changed("the Deployment")),
        (Err(refusal), Some(live)) if target.selection == Selection::Departs && removes(&observed.binding) => {
            let removed = removal::remove(context, live).await?;
            if !others_use_its_account(observed, live) {
                identity::restore(context, live).await?;
            }
            return Ok(AppliedTarget {
                deployment: Some(live.clone()),
                written: Written::Removal(removed),
                identity: Ok(()),
                outcome: Err(refusal),
            });
        }
        (Err(refusal), _) => {
            return Ok(AppliedTarget {
                deployment: make_way(context, live, &refusal).await?,
                written: Written::Nothing,
                identity: Ok(()),
                outcome: Err(refusal),
            });
        }
    };
    if let Err(refusal) = identity::apply(context, observed, &rendered.identity).await? {
        let not_ready = Refusal::new(reasons::IDENTITY_NOT_READY, "see the condition IdentityReady");
        return Ok(AppliedTarget {
            deployment: Some(live.clone()),
            written: Written::Nothing,
            identity: Err(refusal),
            outcome: Err(not_ready),
        });
    }
    let (deployment, written) = deployment::apply(context, live, &rendered).await?;
    let outcome = match written {
        Ok(_) => service::apply(context, target.service.as_ref(), &rendered).await?,
        Err(ref refusal) => Err(refusal.clone()),
    };
    Ok(AppliedTarget {
        deployment: Some(deployment),
        written: written.unwrap_or(Written::Nothing),
        identity: Ok(()),
        outcome,
    })
}

fn others_use_its_account(observed: &Observed, live: &LiveDeployment) -> bool {
    let others = observed.targets.iter().filter(|target| target.is_selected());
    others
        .filter_map(|target| target.deployment.as_ref())
        .any(|other| other.service_account() == live.service_account())
}

/// On a paused Deployment the node container may be renamed. As long as we hold variables of the old one, server-side
/// apply keeps it as a container without an image and refuses the manifest, so they are given up first.
async fn make_way(
    context: &Context,
    live: Option<&LiveDeployment>,
    refusal: &Refusal,
) -> Result<Option<LiveDeployment>, Error> {
    match live {
        Some(live) if refusal.reason == reasons::CONTAINER_NOT_FOUND && live.is_paused() => {
            removal::give_up(context, live).await.map(Some)
        }
        other => Ok(other.cloned()),
    }
}
