//! What the operator reports. Status says what pods run, not what was written.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;

use serde::{Deserialize, Serialize};

use crate::choices::{DefaultResources, DeletionPolicy, Rollout};

/// The bound on `status.targets`: a binding serves no more Deployments.
pub const MOST_TARGETS: usize = 256;

/// What the operator reports about a binding.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignerBindingStatus {
    /// The generation of the binding that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// The operator that wrote this status last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<WrittenBy>,

    /// `Accepted`, `TokenReady`, `IdentityReady`, `Injected`, `RolledOut`, `Signing` and `Ready`, in the order in which
    /// they are reached; then `Reconciling`, `Stalled` and `UpdateAvailable`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// Public key of the signer, as 64 upper-case hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,

    /// Atto address of the signer's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,

    /// The label selector of `spec.target.selector` as kubectl takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,

    /// Ready pods that run the injected template, of those wanted, such as `1/1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<String>,

    /// Values in force for optional fields of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Effective>,

    /// What would be written and waits for an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,

    /// The Deployments of the binding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub targets: Vec<TargetStatus>,

    /// ServiceAccounts whose annotation `iam.gke.io/gcp-service-account` the operator has written for this binding. It takes the
    /// annotation away again from those that nothing of the binding uses any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub annotated_service_accounts: Vec<String>,

    /// What works, but should be known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// An operator, by the Lease that it holds.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WrittenBy {
    /// Namespace of its Lease `signer-operator`. Operators with Leases in two namespaces do not know of each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub lease_namespace: Option<String>,
    /// Its name in the Lease. One that only takes over writes nothing, so it may be that of an earlier one.
    #[schemars(length(max = 512))]
    pub identity: String,
    /// Set while it has only put its name here, to learn whether another operator still writes this binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<bool>,
}

/// Values in force for optional fields of the spec.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Effective {
    /// Image of the signer.
    pub image: String,
    /// Port of the signing API.
    pub api_port: i32,
    /// Port of health, metrics and information.
    pub management_port: i32,
    /// When a changed injection is written.
    pub rollout: Rollout,
    /// What deleting the binding does.
    pub deletion_policy: DeletionPolicy,
    /// The key with which the signers had `status.publicKey` and `status.address`: the resource ID of a key version, an ARN,
    /// `MOUNT/keys/NAME/versions/NUMBER at ADDRESS`, or `SECRET/KEY`. Both are cleared when the signers are given another key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A change that waits for an approval.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// What the annotation `signer.atto.cash/approve` must name.
    pub hash: String,
    /// What would change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16384))]
    pub diff: Option<String>,
}

/// One Deployment of the binding.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetStatus {
    /// Name of the Deployment.
    pub name: String,
    /// Whether its pod template carries the signer of this binding.
    pub injected: bool,
    /// Pods wanted.
    pub pods: i32,
    /// Ready pods that run the injected template.
    pub ready: i32,
    /// The hash in the annotation `signer.atto.cash/hash` of what is in place and was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Which default resources its signer container has, where `spec.signer.resources` gives none. They are kept as long as
    /// the signer is there: a change would roll the pods out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer_resources: Option<DefaultResources>,
    /// The hash of what this binding last put in place, where that is not in place now: the Deployment is absent, its
    /// signer was taken out, or a change waits. Putting it back needs no approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_hash: Option<String>,
    /// Why it is, or is not, ready.
    pub reason: String,
    /// The same for a person.
    pub message: String,
}

/// Something that works, but should be known.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// What it is, in one word.
    pub reason: String,
    /// The Deployment it is about.
    pub target: String,
    /// The same for a person, with what to do.
    pub message: String,
}
