//! The key that signs, and references to Secrets.

use kube::KubeSchema;

use serde::{Deserialize, Serialize};

use crate::cel_rules;

/// The key of the voter. Exactly one backend.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.gcp) != has(self.local)").message("set exactly one of gcp and local"))]
pub struct Key {
    /// A key version in Google Cloud KMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcp: Option<GcpKey>,

    /// A private key in a Secret, for development clusters only: whoever reads the Secret is the voter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalKey>,

    /// The address that the key must have. With another key the signer does not start: an error, never another voter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 68))]
    #[x_kube(validation = cel_rules::address())]
    pub expected_address: Option<String>,
}

/// The backend of a key: the one field of [`Key`] that is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source<'a> {
    Gcp(&'a GcpKey),
    Local(&'a LocalKey),
}

impl Key {
    /// Where the key is. None where no backend is set, which the schema refuses.
    pub fn source(&self) -> Option<Source<'_>> {
        let Self {
            gcp,
            local,
            expected_address: _,
        } = self;
        gcp.as_ref()
            .map(Source::Gcp)
            .or_else(|| local.as_ref().map(Source::Local))
    }
}

/// A key version in Google Cloud KMS.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GcpKey {
    /// Full resource ID of the key version. Its algorithm must be `EC_SIGN_ED25519`. A key version never changes;
    /// naming another one makes another voter of the node.
    #[schemars(length(max = 512))]
    #[x_kube(validation = cel_rules::key_version())]
    pub key_version: String,
}

/// A private key in a Secret.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalKey {
    /// The key of a Secret that holds the private key: 32 bytes as 64 hex digits.
    pub secret_ref: SecretKeyRef,
}

/// One key of a Secret in the namespace of the binding.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = cel_rules::object_name("a Secret"))]
    pub name: String,

    /// Key within the Secret's data.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = cel_rules::secret_key())]
    pub key: String,
}
