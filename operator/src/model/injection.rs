//! What validation makes of a binding: for each Deployment everything that rendering needs, or why not.

use std::collections::BTreeMap;

use crds::{
    Capability, DefaultResources, Effective, EnvVar, ImagePullPolicy, LogLevel, Policy, Resources, SecretKeyRef,
    SecurityContext,
};
use serde_json::Value;

use super::deployment::LiveDeployment;
use super::identity::PodIdentity;
use crate::backends::Mounts;
use crate::model::reason::Reason;

/// The outcome of each gate, in their order. A later gate is only reached through the earlier ones.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub effective: Effective,
    pub accepted: Result<(), Reason>,
    pub token: Result<Reason, Reason>,
    /// In the order of the targets that were observed. None of them depends on another.
    pub targets: Vec<TargetVerdict>,
}

/// What may be done with one Deployment.
#[derive(Clone, Debug)]
pub struct TargetVerdict {
    pub accepted: Result<(), Reason>,
    pub identity: Result<PodIdentity, Reason>,
    pub injection: Result<Injection, Reason>,
}

/// Everything that rendering needs. Only what passed every check has this type.
#[derive(Clone, Debug, PartialEq)]
pub struct Injection {
    pub deployment: DeploymentRef,
    pub node_container: String,
    /// The variables of the signer that name its backend and its key.
    pub key: Vec<Value>,
    /// Those by which the key service lets it in.
    pub access: Vec<Value>,
    /// What the signer has of files.
    pub mounts: Mounts,
    pub expected_address: Option<String>,
    pub capabilities: Vec<Capability>,
    pub policy: Policy,
    pub token: SecretKeyRef,
    pub token_fingerprint: String,
    pub image: String,
    pub image_pull_policy: ImagePullPolicy,
    pub api_port: i32,
    pub management_port: i32,
    pub log_level: Option<LogLevel>,
    pub resources: SidecarResources,
    /// Variables that are not ours.
    pub env: Vec<EnvVar>,
    /// User and group, where the binding says something of them.
    pub security_context: Option<SecurityContext>,
    pub signer: SignerOrigin,
    pub identity: PodIdentity,
    /// What the Deployment's own pods have of labels; a copy of it under another name has others.
    pub match_labels: BTreeMap<String, String>,
    /// Why a write needs an approval: it changes the identity of a voter that another binding left, or removes the signer
    /// from a container that runs.
    pub needs_approval: Option<Reason>,
}

/// The Deployment that is written, as it was when it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentRef {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

impl DeploymentRef {
    /// The Deployment that was checked.
    pub fn of(live: &LiveDeployment) -> Self {
        Self {
            namespace: live.namespace().to_owned(),
            name: live.name().to_owned(),
            uid: live.uid().to_owned(),
        }
    }
}

/// The resources of the signer container.
#[derive(Clone, Debug, PartialEq)]
pub enum SidecarResources {
    /// The binding says nothing.
    Default(DefaultResources),
    /// What the binding says.
    Given(Resources),
}

impl SidecarResources {
    /// Which of the defaults it is.
    pub fn default_resources(&self) -> Option<DefaultResources> {
        match self {
            Self::Default(resources) => Some(*resources),
            Self::Given(_) => None,
        }
    }
}

/// What stands where the sidecar goes.
#[derive(Clone, Debug, PartialEq)]
pub enum SignerOrigin {
    /// Nothing.
    Absent,
    /// Our own, by managedFields.
    Ours,
    /// Something that managedFields do not give to us, with the operator's annotation or of nobody at all: a restored backup, or what a
    /// mutating policy has restored, if it equals what we would render.
    Unrecorded { found: Value },
}
