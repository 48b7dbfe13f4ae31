//! What was rendered, each with whether it may be written.

use std::collections::BTreeSet;

use crds::SignerBinding;

use crate::model::binding::was_injected;
use crate::model::reason::Reason;
use crate::model::rendered::Rendered;

/// The rendered Deployments, each with its gate.
#[derive(Debug)]
pub struct Plan {
    /// What an approval names.
    pub hash: String,
    pub targets: Vec<Result<Planned, Reason>>,
    /// The Deployments that have stopped to match and whose signer goes now, by name.
    pub removals: BTreeSet<String>,
}

/// A rendered Deployment, and whether it may be written.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Planned {
    pub rendered: Rendered,
    pub gate: Gate,
    /// Whether this very rendering was in place before.
    pub is_repair: bool,
    /// Whether what the binding has injected is not whole any more.
    pub is_stripped: bool,
    /// Whether pods that run would be replaced by others than before, so that such a pod is tried first.
    pub is_tried: bool,
    /// Whether the token was changed in place: its value is another one, and the template still names the same Secret.
    pub is_rotation: bool,
}

/// Whether what was rendered may be written. What is in place already needs no gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// Not before somebody changes the binding.
    Shut(Reason),
    /// Not before somebody approves the plan.
    Approval(Reason),
    /// Only the injected fields are new.
    Update,
}

impl Plan {
    /// Whether the binding owns something in a Deployment, or is about to.
    pub fn injects(&self, binding: &SignerBinding) -> bool {
        self.targets.iter().flatten().any(|planned| match planned.gate {
            Gate::Open | Gate::Update => true,
            // An older injection of its own, and not that of a voter which it would take over.
            Gate::Approval(_) => was_injected(binding, &planned.rendered.target.name),
            Gate::Shut(_) => false,
        })
    }
}
