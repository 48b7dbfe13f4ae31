//! The `SignerBinding` itself.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel_rules;
use crate::choices::{DeletionPolicy, Rollout};
use crate::key::Key;
use crate::policy::Policy;
use crate::references::SecretKeyRef;
use crate::settings::SignerSettings;
use crate::status::SignerBindingStatus;
use crate::target::Target;

/// spec defines which Deployments get a signer, which key it uses, what it may sign, and the token that it shares with the node.
///
/// No field has a default in the schema, so that the API server shows exactly what a manifest contains. The effective values are in
/// `status.effective`.
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[kube(
    group = "signer.atto.cash",
    version = "v1alpha1",
    kind = "SignerBinding",
    namespaced,
    shortname = "sb",
    category = "atto",
    status = "SignerBindingStatus",
    derive = "PartialEq",
    doc = "A SignerBinding gives the voter nodes of a Deployment a signer: the operator injects it into the pods, configures the node to use it, and reports in the status what the pods run.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status",
        description = "Whether the pods run with their signer."
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        description = "Why it is or is not ready."
    ),
    printcolumn(
        name = "Signing",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Signing')].status",
        description = "Whether the signers sign, as they report it."
    ),
    printcolumn(
        name = "Pods",
        type_ = "string",
        json_path = ".status.pods",
        description = "Ready pods of the injected template and wanted pods."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the binding was created."
    ),
    printcolumn(
        name = "Target",
        type_ = "string",
        json_path = ".spec.target.name",
        description = "The Deployment that gets the signer.",
        priority = "1"
    ),
    printcolumn(
        name = "Selector",
        type_ = "string",
        json_path = ".status.selector",
        description = "The label selector of the Deployments, if the binding has one.",
        priority = "1"
    ),
    printcolumn(
        name = "Address",
        type_ = "string",
        json_path = ".status.address",
        description = "The Atto address of the key, as the signer reports it.",
        priority = "1"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.workloadIdentity) || has(self.key.gcp)")
    .message("workloadIdentity is only for key.gcp: remove it, or use a key in Google Cloud KMS"))]
#[x_kube(validation = Rule::new("!has(self.workloadIdentity) || !has(self.key.gcp) || !has(self.key.gcp.federation)")
    .message("set at most one of workloadIdentity and key.gcp.federation: with a provider, the signer authenticates with its own token, and GKE's identity of the pod is not used"))]
#[x_kube(validation = cel_rules::no_variable_of_aws())]
#[x_kube(validation = cel_rules::no_credentials_beside_a_role())]
#[x_kube(validation = Rule::new("!has(self.key.local) || self.key.local.secretRef.name != self.tokenSecretRef.name || self.key.local.secretRef.key != self.tokenSecretRef.key")
    .message("tokenSecretRef must not be the private key (key.local.secretRef): the node would send it as its token; put a separate token into another Secret, or under another key"))]
pub struct SignerBindingSpec {
    /// The Deployments that get the signer, and which of their containers is the node.
    pub target: Target,

    /// The key that signs: exactly one of `gcp`, `aws`, `vault` and `local`.
    pub key: Key,

    /// Kinds of messages that the signer may sign. A voter needs `CHALLENGE` and `VOTE`; `BLOCK` moves funds.
    #[schemars(length(min = 1, max = 3))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub capabilities: Vec<Capability>,

    /// Rules beyond the capabilities, checked by the signer on every request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,

    /// The shared token of node and signer: a key of a Secret in this namespace, with at least 16 bytes and preferably 32. To
    /// rotate it, create another Secret and name it here.
    pub token_secret_ref: SecretKeyRef,

    /// How the pod proves its identity to Google Cloud. Omit it if the KMS role is granted to the Kubernetes ServiceAccount
    /// directly, or to the subject of `key.gcp.federation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<WorkloadIdentity>,

    /// Settings of the signer container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<SignerSettings>,

    /// When a changed injection is written: `Automatic` writes it at once, `Manual` waits for an approval. Default: `Automatic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,

    /// What happens to the Deployment when the binding is deleted. `Retain` leaves the Deployment as it is, so that an accidental
    /// deletion does not take the key from a voter. `Remove` restores the Deployment. Default: `Retain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,

    /// While true, the operator writes nothing for this binding. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// A kind of message that a signer may sign.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Capability {
    Block,
    Challenge,
    Vote,
}

impl Capability {
    /// The value for `ATTO_SIGNER_CAPABILITIES`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Block => "BLOCK",
            Self::Challenge => "CHALLENGE",
            Self::Vote => "VOTE",
        }
    }
}

/// Identity of the pod for Google Cloud.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadIdentity {
    /// The Google service account that the pod's ServiceAccount acts as. The operator writes it to the annotation
    /// `iam.gke.io/gcp-service-account`.
    #[schemars(length(min = 1, max = 320))]
    #[x_kube(validation = cel_rules::service_account_email())]
    pub gcp_service_account: String,
}
