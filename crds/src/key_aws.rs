//! A key in AWS KMS.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::key_rules;

/// A key in AWS KMS.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = key_rules::one_partition())]
pub struct AwsKey {
    /// ARN of the key, whose region is the one that is asked. Its key spec must be `ECC_NIST_EDWARDS25519`, its key usage `SIGN_VERIFY`.
    /// Not an alias: that can be pointed to another key, which is another voter.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = key_rules::no_alias())]
    #[x_kube(validation = key_rules::key_arn())]
    #[x_kube(validation = key_rules::partition_of_region())]
    pub key_arn: String,

    /// ARN of the IAM role that the signer assumes, with a ServiceAccount token that only the container `signer` has. Default: the
    /// identity that EKS or the machine gives the pod, which each of its containers has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = key_rules::role_arn())]
    pub role_arn: Option<String>,
}
