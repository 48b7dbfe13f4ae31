//! Step 4: the only writes.

mod conflict;
mod deployment;
pub mod finalizer;
pub mod memory;
pub mod removal;
pub mod report;
mod service;

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
    pub outcome: Result<Written, Refusal>,
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
    let refused = |refusal| Applied {
        deployment: observed.deployment.clone(),
        outcome: Err(refusal),
    };
    let (rendered, live) = match (rendered, &observed.deployment) {
        (Ok(rendered), Some(live)) => (rendered, live),
        (Ok(_), None) => return Err(Error::Changed("the Deployment")),
        (Err(refusal), _) => return Ok(refused(refusal)),
    };
    let (deployment, outcome) = deployment::apply(context, live, &rendered).await?;
    let outcome = match outcome {
        Ok(written) => service::apply(context, observed.service.as_ref(), &rendered)
            .await?
            .map(|()| written),
        Err(refusal) => Err(refusal),
    };
    Ok(Applied {
        deployment: Some(deployment),
        outcome,
    })
}
