//! A key version in Google Cloud KMS.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::{cel_rules, key_rules};

/// A key version in Google Cloud KMS.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GcpKey {
    /// Full resource ID of the key version. Its algorithm must be `EC_SIGN_ED25519`. A key version never changes. Changing this
    /// field changes the voter's identity.
    #[schemars(length(max = 512))]
    #[x_kube(validation = cel_rules::key_version())]
    pub key_version: String,

    /// Workload Identity Federation, for clusters inside and outside of Google Cloud: the signer authenticates with a
    /// ServiceAccount token that only the container `signer` has. Excludes `spec.workloadIdentity`. Default: the identity that GKE
    /// gives the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub federation: Option<Federation>,
}

/// Workload Identity Federation: a provider of Google Cloud that trusts the tokens of this cluster.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Federation {
    /// Full resource name of the provider of a workload identity pool. It is also the audience of the token.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = key_rules::provider())]
    pub provider: String,

    /// The Google service account that the signer acts as. Default: none; the KMS role is granted to the subject of the pool,
    /// `system:serviceaccount:NAMESPACE:NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = cel_rules::service_account_email())]
    pub service_account: Option<String>,
}
