//! The operator's report. The status describes the running pods, not the written objects.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;

use serde::{Deserialize, Serialize};

use crate::choices::{DefaultResources, DeletionPolicy, Rollout};

/// The bound on `status.targets`: a binding manages no more Deployments.
pub const MOST_TARGETS: usize = 256;

/// The operator's report about a binding.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignerBindingStatus {
    /// The generation of the binding that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// The operator that last wrote this status.
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

    /// The label selector of `spec.target.selector` in the form that kubectl accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,

    /// Ready pods of the injected template and wanted pods, such as `1/1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<String>,

    /// Effective values of optional fields of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Effective>,

    /// The change that waits for an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,

    /// The Deployments of the binding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub targets: Vec<TargetStatus>,

    /// Deployments that `spec.target.selector` selected until they were deleted, the latest last. If one of them is created again,
    /// its signer is restored without an approval. The status keeps the latest 256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub deleted_deployments: Vec<DeletedDeployment>,

    /// ServiceAccounts whose annotation `iam.gke.io/gcp-service-account` the operator has written for this binding. The operator
    /// removes the annotation when no Deployment of the binding uses the ServiceAccount any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub annotated_service_accounts: Vec<String>,

    /// Non-blocking problems that the operator found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// An operator, identified by its Lease.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WrittenBy {
    /// Namespace of the operator's Lease `signer-operator`. Operators with Leases in different namespaces do not know of each
    /// other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub lease_namespace: Option<String>,
    /// The operator's name in the Lease. A new leader with nothing to write keeps the name of the earlier one.
    #[schemars(length(max = 512))]
    pub identity: String,
    /// True while the operator has only entered its name, to find out whether another operator still writes this binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<bool>,
}

/// Effective values of optional fields of the spec.
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
    /// Effect of deleting the binding.
    pub deletion_policy: DeletionPolicy,
    /// The key that `status.publicKey` and `status.address` belong to: the resource ID of a key version, an ARN,
    /// `MOUNT/keys/NAME/versions/NUMBER at ADDRESS`, or `SECRET/KEY`. Both are cleared when the signers get another key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A change that waits for an approval.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The value that the annotation `signer.atto.cash/approve` needs to approve the change.
    pub hash: String,
    /// Description of the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16384))]
    pub diff: Option<String>,
}

/// A Deployment of the binding.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetStatus {
    /// Name of the Deployment.
    pub name: String,
    /// Whether its pod template contains the signer of this binding.
    pub injected: bool,
    /// Pods wanted.
    pub pods: i32,
    /// Ready pods of the injected template.
    pub ready: i32,
    /// Hash of the current injection, as in the annotation `signer.atto.cash/hash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Fingerprint of the injected fields as the API server stored them. It shows whether another client has changed them while a
    /// newer operator version holds its own rendering back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The default resources of its signer container, if `spec.signer.resources` sets none. They are kept as long as the signer is
    /// injected, because a change would replace the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer_resources: Option<DefaultResources>,
    /// Hash of the last injection of this binding, if it is not in place now: the Deployment is absent, its signer was removed, or
    /// a change waits. Also set while the signer is to be removed. Restoring it needs no approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_hash: Option<String>,
    /// Reason why it is or is not ready, as one word.
    pub reason: String,
    /// Human-readable message.
    pub message: String,
}

/// A Deployment that had the signer of this binding and was deleted.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletedDeployment {
    /// Name of the Deployment.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Hash of the last injection of this binding.
    #[schemars(length(max = 128))]
    pub last_hash: String,
}

/// A non-blocking problem.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// Reason as one word.
    pub reason: String,
    /// The affected Deployment.
    pub target: String,
    /// Human-readable message, with what to do.
    pub message: String,
}
