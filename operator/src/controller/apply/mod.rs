//! Step 4: the only writes.

mod conflict;
mod deployment;
pub mod finalizer;
pub mod memory;
pub mod removal;
pub mod report;
mod service;

use crds::conditions::reasons;

use super::context::Context;
use super::error::Error;
use super::live::LiveDeployment;
use super::observe::Observed;
use super::render::Rendered;
use super::validate::Refusal;

/// What became of the rendered objects.
#[derive(Debug)]
pub struct Applied {
    /// The Deployment after the write, or as it was found.
    pub deployment: Option<LiveDeployment>,
    /// What was written to the Deployment, whatever came after it.
    pub written: Written,
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
}

/// Writes what is not there yet.
///
/// # Errors
/// Fails if the API server does not answer, or if the Deployment changed under the write.
pub async fn apply(
    context: &Context,
    observed: &Observed,
    rendered: Result<Rendered, Refusal>,
) -> Result<Applied, Error> {
    let live = observed.deployment.as_ref();
    let (rendered, live) = match (rendered, live) {
        (Ok(rendered), Some(live)) => (rendered, live),
        (Ok(_), None) => return Err(Error::Changed("the Deployment")),
        (Err(refusal), _) => {
            return Ok(Applied {
                deployment: make_way(context, live, &refusal).await?,
                written: Written::Nothing,
                outcome: Err(refusal),
            });
        }
    };
    let (deployment, written) = deployment::apply(context, live, &rendered).await?;
    let outcome = match written {
        Ok(_) => service::apply(context, observed.service.as_ref(), &rendered).await?,
        Err(ref refusal) => Err(refusal.clone()),
    };
    Ok(Applied {
        deployment: Some(deployment),
        written: written.unwrap_or(Written::Nothing),
        outcome,
    })
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
