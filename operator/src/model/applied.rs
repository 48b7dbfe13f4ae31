//! What became of what was planned.

use crds::conditions::reasons;

use super::deployment::LiveDeployment;
use super::error::Error;
use crate::model::reason::Reason;

/// The schema's bound on the difference that a plan shows.
pub const LONGEST_DIFF: usize = 16 * 1024;

/// What became of the rendered objects.
#[derive(Debug)]
pub struct Applied {
    /// In the order of the targets that were observed.
    pub targets: Vec<AppliedTarget>,
    /// Why one of them has to be tried again. The others are written anyway.
    pub failed: Option<Error>,
    /// What an approval names.
    pub plan: String,
    /// ServiceAccounts that the annotation was taken from.
    pub released: Vec<String>,
    /// What the API server has refused and no Deployment waits for.
    pub refused: Vec<Reason>,
}

impl Applied {
    /// Nothing was to be written.
    pub fn nothing() -> Self {
        Self {
            targets: vec![],
            failed: None,
            plan: String::new(),
            released: vec![],
            refused: vec![],
        }
    }

    /// The first refusal of a Deployment that the binding is for, or of what goes with it.
    pub fn refusal(&self) -> Option<&Reason> {
        let of_deployments = self.targets.iter().filter_map(|target| target.outcome.as_ref().err());
        let of_services = self.targets.iter().filter_map(|target| target.service.as_ref().err());
        of_deployments
            .chain(of_services)
            .chain(&self.refused)
            .find(|refusal| refusal.code != reasons::NO_LONGER_SELECTED)
    }

    /// Whether a signer was taken out.
    pub fn has_removed(&self) -> bool {
        let mut targets = self.targets.iter();
        targets.any(|target| matches!(target.written, Written::Removal(_)))
    }
}

/// Who has changed what was injected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangedBy {
    /// The field managers that hold another value.
    Managers(Vec<String>),
    /// The API server records nobody, as where something was only removed; with the last other field manager that wrote since.
    Unrecorded(Option<String>),
}

/// What became of one Deployment.
#[derive(Debug)]
pub struct AppliedTarget {
    /// The Deployment after the write, or as it was found.
    pub deployment: Option<LiveDeployment>,
    /// What was written to the Deployment, whatever came after it.
    pub written: Written,
    /// Why the ServiceAccount could not be annotated.
    pub identity: Result<(), Reason>,
    pub outcome: Result<(), Reason>,
    /// Why its Service could not be written. It is for the metrics alone, and nothing waits for it.
    pub service: Result<(), Reason>,
    /// The hash of what is in place, where it is what was rendered.
    pub hash: Option<String>,
    /// What an approval would change.
    pub diff: Option<String>,
    /// Whether only the injected fields are older than the operator would render them.
    pub update: bool,
    /// Whether a token that was changed in place waits for the rollout that brings it to both containers.
    pub rotation: bool,
    /// Whether it was held for its signer, and begins now.
    pub resumed: bool,
    /// Who had changed what a repair has put back.
    pub changed_by: Option<ChangedBy>,
    /// Why it has to be tried again although something was written.
    pub failed: Option<Error>,
}

impl AppliedTarget {
    /// A Deployment that was left as it is.
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

/// What was taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Whether there was anything.
    pub changed: bool,
    /// Whether something of the operator stays because a manifest applies it.
    pub kept: bool,
    /// Whether its Service stays because the API server refuses to delete it.
    pub service_stays: bool,
}
