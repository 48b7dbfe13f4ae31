//! A Deployment that no longer matches a binding with `deletionPolicy: Remove`. Its signer is removed, or kept until that is
//! possible without harm.

use crds::conditions::reasons;

use super::identity;
use super::rejected::rejected;
use super::removal::{self, preview};
use super::writer::Writer;
use crate::cluster::claims::Claim;
use crate::model::applied::{AppliedTarget, Written};
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::observed::{Observed, ObservedTarget};
use crate::model::reason::Reason;

/// Stands in for a rendered hash in the ledger when the entry is about removal.
const REMOVED: &str = "removed";

/// Removes the signer, unless another binding names the Deployment.
pub async fn remove(
    writer: &Writer,
    observed: &Observed,
    target: &ObservedTarget,
    refusal: Option<Reason>,
) -> Result<AppliedTarget, Error> {
    let (Some(live), Some(refusal)) = (&target.deployment, refusal) else {
        return Err(Error::Changed("the Deployment"));
    };
    let binding = &observed.binding;
    if binding.spec.suspend == Some(true) {
        return Ok(AppliedTarget::untouched(Some(live.clone()), Err(refusal)));
    }
    let claims = writer.cluster.claims(live.namespace()).await?;
    if let Some(claim) = claims.on(live, Some(binding)) {
        return Ok(AppliedTarget::untouched(Some(live.clone()), Err(claimed(live, &claim))));
    }
    let removed = match removal::restore(writer, live).await {
        Ok(removed) => removed,
        Err(error) => match error.refusal() {
            Some(status) => {
                let refusal = rejected(status);
                return Ok(AppliedTarget::untouched(Some(live.clone()), Err(stays(live, &refusal))));
            }
            None => return Err(error),
        },
    };
    // The removal is reported even if this fails.
    let failed = if others_use_its_account(observed, live) {
        None
    } else {
        identity::restore(writer, live).await.err()
    };
    Ok(AppliedTarget {
        written: Written::Removal(removed),
        failed,
        ..AppliedTarget::untouched(Some(live.clone()), Err(refusal))
    })
}

/// Keeps the signer, and shows the fields that an approval would remove. The API server is asked once for each state of
/// the Deployment.
pub async fn keep(writer: &Writer, live: &LiveDeployment, refusal: Reason) -> Result<AppliedTarget, Error> {
    let (uid, generation) = (live.uid(), live.generation());
    let diff = if let Some(known) = writer.ledger.diff(uid, REMOVED, generation) {
        known
    } else {
        let diff = Ok(preview::of(writer, live).await?.diff);
        writer.ledger.keep_diff(uid, REMOVED, generation, diff.clone());
        diff
    };
    Ok(AppliedTarget {
        diff: diff.ok(),
        ..AppliedTarget::untouched(Some(live.clone()), Err(refusal))
    })
}

fn stays(live: &LiveDeployment, refusal: &Reason) -> Reason {
    Reason::new(
        refusal.code,
        format!(
            "Deployment {} no longer matches spec.target.selector, and its signer cannot be removed: {}",
            live.name(),
            refusal.message
        ),
    )
}

fn claimed(live: &LiveDeployment, claim: &Claim) -> Reason {
    let name = live.name();
    let why = match claim {
        Claim::Made(other) => format!("SignerBinding {other} names it"),
        Claim::Unreadable(other) => format!(
            "SignerBinding {other} of this namespace cannot be read by this operator and may name it: fix or delete that one"
        ),
    };
    Reason::new(
        reasons::NO_LONGER_SELECTED,
        format!("Deployment {name} no longer matches spec.target.selector. It keeps its signer, because {why}"),
    )
}

fn others_use_its_account(observed: &Observed, live: &LiveDeployment) -> bool {
    let others = observed.targets.iter().filter(|target| target.is_selected());
    others
        .filter_map(|target| target.deployment.as_ref())
        .any(|other| other.service_account() == live.service_account())
}
