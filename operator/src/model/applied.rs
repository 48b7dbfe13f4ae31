//! The results of the plan.

use crds::conditions::reasons;

use super::deployment::LiveDeployment;
use super::error::Error;
use crate::model::reason::Reason;

/// The schema's limit on the difference in a plan.
pub const LONGEST_DIFF: usize = 16 * 1024;

/// The results for the rendered objects.
#[derive(Debug)]
pub struct Applied {
    /// In the order of the observed targets.
    pub targets: Vec<AppliedTarget>,
    /// Why one of them must be retried. The others are written anyway.
    pub failed: Option<Error>,
    /// The hash that an approval names.
    pub plan: String,
    /// ServiceAccounts whose annotation was removed.
    pub released: Vec<String>,
    /// Refusals of the API server that block no Deployment.
    pub refused: Vec<Reason>,
}

impl Applied {
    /// Without any write.
    pub fn nothing() -> Self {
        Self {
            targets: vec![],
            failed: None,
            plan: String::new(),
            released: vec![],
            refused: vec![],
        }
    }

    /// The first refusal of a selected Deployment or of its related objects.
    pub fn refusal(&self) -> Option<&Reason> {
        let of_deployments = self.targets.iter().filter_map(|target| target.outcome.as_ref().err());
        let of_services = self.targets.iter().filter_map(|target| target.service.as_ref().err());
        of_deployments
            .chain(of_services)
            .chain(&self.refused)
            .find(|refusal| refusal.code != reasons::NO_LONGER_SELECTED)
    }

    /// Whether a signer was removed.
    pub fn has_removed(&self) -> bool {
        let mut targets = self.targets.iter();
        targets.any(|target| matches!(target.written, Written::Removal(_)))
    }
}

/// Who changed injected fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangedBy {
    /// The field managers with another value.
    Managers(Vec<String>),
    /// Nobody is recorded, as with a removal. Contains the last other field manager that wrote since.
    Unrecorded(Option<String>),
}

/// The result for one Deployment.
#[derive(Debug)]
pub struct AppliedTarget {
    /// The Deployment after the write, or as it was read.
    pub deployment: Option<LiveDeployment>,
    /// The write to the Deployment, regardless of later steps.
    pub written: Written,
    /// Why the ServiceAccount could not be annotated.
    pub identity: Result<(), Reason>,
    pub outcome: Result<(), Reason>,
    /// Why its Service could not be written. Only metrics need the Service, so nothing waits for it.
    pub service: Result<(), Reason>,
    /// The hash of the present injection, if it equals the rendering.
    pub hash: Option<String>,
    /// The changes that an approval would make.
    pub diff: Option<String>,
    /// Whether only the operator would render the injected fields differently.
    pub update: bool,
    /// Whether a token that was changed in place waits for the rollout that gives it to both containers.
    pub rotation: bool,
    /// Whether it was held for its signer, and starts now.
    pub resumed: bool,
    /// Who made the change that was repaired.
    pub changed_by: Option<ChangedBy>,
    /// Why it must be retried although something was written.
    pub failed: Option<Error>,
}

impl AppliedTarget {
    /// A Deployment that was not written.
    pub fn untouched(deployment: Option<LiveDeployment>, outcome: Result<(), Reason>) -> Self {
        Self {
            deployment,
            written: Written::Nothing,
            identity: Ok(()),
            outcome,
            service: Ok(()),
            hash: None,
            diff: None,
            update: false,
            rotation: false,
            resumed: false,
            changed_by: None,
            failed: None,
        }
    }
}

/// A write to the Deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Everything was in place.
    Nothing,
    /// A new or changed injection.
    Injection,
    /// The same injection as before, which another client had changed.
    Repair,
    /// It no longer belongs to the binding, and was restored.
    Removal(Removed),
}

/// The result of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Whether there was anything to remove.
    pub changed: bool,
    /// Whether fields of the operator stay because a manifest applies them.
    pub kept: bool,
    /// Whether its Service stays because the API server refuses to delete it.
    pub service_stays: bool,
}
