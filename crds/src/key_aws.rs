//! A key in AWS KMS.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::key_rules;

/// A key in AWS KMS.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = key_rules::one_partition())]
pub struct AwsKey {
    /// ARN of the key. The signer calls KMS in the Region of the ARN. The key spec must be `ECC_NIST_EDWARDS25519` and
    /// the key usage `SIGN_VERIFY`. An alias is not accepted, because moving it to another key would change the voter's
    /// identity.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = key_rules::no_alias())]
    #[x_kube(validation = key_rules::key_arn())]
    #[x_kube(validation = key_rules::partition_of_region())]
    pub key_arn: String,

    /// ARN of the IAM role that the signer assumes, with a ServiceAccount token that only the container `signer` has. Default: the
    /// identity that EKS or the Kubernetes node gives the pod, which all its containers share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = key_rules::role_arn())]
    pub role_arn: Option<String>,
}
