//! A Deployment that has stopped to match, of a binding that asks for removal. Deleting a binding is a decision; a label can go
//! by accident, as in an upgrade of a chart, and a voter that runs would start without its signer.

use crds::SignerBinding;
use crds::conditions::reasons;

use super::approval;
use crate::model::binding::removes;
use crate::model::deployment::LiveDeployment;
use crate::model::observed::{ObservedTarget, Selection};
use crate::model::reason::Reason;

/// The Deployment whose signer is to be taken out, now or later.
pub fn of<'a>(binding: &SignerBinding, target: &'a ObservedTarget) -> Option<&'a LiveDeployment> {
    let live = target.deployment.as_ref()?;
    (target.selection == Selection::Departs && removes(binding)).then_some(live)
}

/// Why the signer stays for now; none where it can go: no pod starts by it, or somebody has approved it.
pub fn waits(binding: &SignerBinding, live: &LiveDeployment, hash: &str) -> Option<Reason> {
    if !live.starts_pods() || approval::is_given(binding, hash) {
        return None;
    }
    let name = live.name();
    Some(Reason::new(
        reasons::NO_LONGER_SELECTED,
        format!(
            "Deployment {name} no longer matches spec.target.selector. It runs, so it keeps its signer, although deletionPolicy is Remove. To keep the signer permanently, restore the labels of spec.target.selector. To remove it, scale the Deployment to 0 or pause it. {}",
            approval::how(binding, hash)
        ),
    ))
}
