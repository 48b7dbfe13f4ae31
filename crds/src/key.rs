//! The key that signs.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::cel_rules;
use crate::key_aws::AwsKey;
use crate::key_gcp::GcpKey;
use crate::key_vault::VaultKey;
use crate::references::SecretKeyRef;

/// The key of the voter, in exactly one backend.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.gcp), has(self.aws), has(self.vault), has(self.local)].filter(x, x).size() == 1")
    .message("set exactly one of gcp, aws, vault and local"))]
pub struct Key {
    /// A key version in Google Cloud KMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcp: Option<GcpKey>,

    /// A key in AWS KMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsKey>,

    /// A key version in the transit engine of HashiCorp Vault or OpenBao.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<VaultKey>,

    /// A private key in a Secret, for development clusters only: anyone who can read the Secret can act as the voter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalKey>,

    /// The address that the key must have. The signer fails to start if the key has a different address. Default: not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 68))]
    #[x_kube(validation = cel_rules::address())]
    pub expected_address: Option<String>,
}

/// The backend of a key: the one field of [`Key`] that is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source<'a> {
    Gcp(&'a GcpKey),
    Aws(&'a AwsKey),
    Vault(&'a VaultKey),
    Local(&'a LocalKey),
}

impl Source<'_> {
    /// The name of the backend in `ATTO_SIGNER_BACKEND` and in the signer's metrics.
    pub const fn backend(&self) -> &'static str {
        match self {
            Self::Gcp(_) => "GCP",
            Self::Aws(_) => "AWS",
            Self::Vault(_) => "VAULT",
            Self::Local(_) => "LOCAL",
        }
    }
}

impl Key {
    /// Where the key is. None if no backend is set, which the schema refuses.
    pub fn source(&self) -> Option<Source<'_>> {
        let Self {
            gcp,
            aws,
            vault,
            local,
            expected_address: _,
        } = self;
        let gcp = gcp.as_ref().map(Source::Gcp);
        let aws = aws.as_ref().map(Source::Aws);
        let vault = vault.as_ref().map(Source::Vault);
        gcp.or(aws).or(vault).or(local.as_ref().map(Source::Local))
    }
}

/// A private key in a Secret.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalKey {
    /// The key of a Secret that holds the private key: 32 bytes as 64 hex digits.
    pub secret_ref: SecretKeyRef,
}
