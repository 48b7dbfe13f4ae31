//! The rendered Deployments, and whether each may be written.

use std::collections::BTreeSet;

use crds::SignerBinding;

use crate::model::binding::was_injected;
use crate::model::reason::Reason;
use crate::model::rendered::Rendered;

/// The rendered Deployments, each with its gate.
#[derive(Debug)]
pub struct Plan {
    /// The hash that an approval names.
    pub hash: String,
    pub targets: Vec<Result<Planned, Reason>>,
    /// The Deployments that no longer match and whose signer is removed now, by name.
    pub removals: BTreeSet<String>,
}

/// A rendered Deployment, and whether it may be written.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Planned {
    pub rendered: Rendered,
    pub gate: Gate,
    /// Whether this exact rendering was in place before.
    pub is_repair: bool,
    /// Whether the binding's injection is incomplete.
    pub is_stripped: bool,
    /// Whether another client has changed the rendering of an earlier operator version. Only this version's rendering can repair it.
    pub is_altered: bool,
    /// Whether running pods would be replaced by different ones, so that a new pod is tried first.
    pub is_tried: bool,
    /// Whether the token was changed in place: the value differs, but the template still names the same Secret.
    pub is_rotation: bool,
}

impl Planned {
    /// Whether the write restores a signer that another client has changed or removed.
    pub fn restores(&self) -> bool {
        self.is_repair || self.is_stripped || self.is_altered
    }
}

/// Whether the rendering may be written. A rendering that is in place needs no gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// Not before the binding changes.
    Shut(Reason),
    /// Not before the plan is approved.
    Approval(Reason),
    /// Only the operator's rendering has changed.
    Update,
}

impl Plan {
    /// Whether the binding owns fields of a Deployment, or is about to.
    pub fn injects(&self, binding: &SignerBinding) -> bool {
        self.targets.iter().flatten().any(|planned| match planned.gate {
            Gate::Open | Gate::Update => true,
            // Its own older injection, not that of a voter that it would take over.
            Gate::Approval(_) => was_injected(binding, &planned.rendered.target.name),
            Gate::Shut(_) => false,
        })
    }
}
