//! The result of validation: for each Deployment everything that rendering needs, or the refusal.

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

/// The result of each gate, in order. A later gate is only reached if the earlier ones pass.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub effective: Effective,
    pub accepted: Result<(), Reason>,
    pub token: Result<Reason, Reason>,
    /// In the order of the observed targets, independent of each other.
    pub targets: Vec<TargetVerdict>,
}

/// The decisions about one Deployment.
#[derive(Clone, Debug)]
pub struct TargetVerdict {
    pub accepted: Result<(), Reason>,
    pub identity: Result<PodIdentity, Reason>,
    pub injection: Result<Injection, Reason>,
}

/// Everything that rendering needs. Only a Deployment that passed every check has this type.
#[derive(Clone, Debug, PartialEq)]
pub struct Injection {
    pub deployment: DeploymentRef,
    pub node_container: String,
    /// The variables of the signer that name its backend and its key.
    pub key: Vec<Value>,
    /// The variables for authentication at the key service.
    pub access: Vec<Value>,
    /// The signer's volumes and mounts.
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
    /// Variables from the binding.
    pub env: Vec<EnvVar>,
    /// User and group, if the binding sets them.
    pub security_context: Option<SecurityContext>,
    pub signer: SignerOrigin,
    pub identity: PodIdentity,
    /// The labels of the Deployment's own pods. A copy under another name has others.
    pub match_labels: BTreeMap<String, String>,
    /// Why a write needs an approval: it changes the identity of a voter that another binding left behind, or removes the signer
    /// from a running container.
    pub needs_approval: Option<Reason>,
}

/// The Deployment to write, in the version that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentRef {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

impl DeploymentRef {
    /// Refers to the Deployment that was checked.
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
    /// The binding sets none.
    Default(DefaultResources),
    /// The binding's values.
    Given(Resources),
}

impl SidecarResources {
    /// Which default is used.
    pub fn default_resources(&self) -> Option<DefaultResources> {
        match self {
            Self::Default(resources) => Some(*resources),
            Self::Given(_) => None,
        }
    }
}

/// The container at the sidecar's place.
#[derive(Clone, Debug, PartialEq)]
pub enum SignerOrigin {
    /// Nothing.
    Absent,
    /// The operator's own, according to `managedFields`.
    Ours,
    /// A container that `managedFields` do not assign to the operator, with the operator's annotation or without any manager: a
    /// restored backup, or a container that a mutating policy restored, if it equals the rendering.
    Unrecorded { found: Value },
}
