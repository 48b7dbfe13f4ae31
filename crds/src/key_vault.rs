//! A key version in the transit engine of HashiCorp Vault or OpenBao.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::references::{ConfigMapKeyRef, SecretKeyRef};
use crate::{address_rules, key_rules};

/// Mount path of the transit engine if `mount` is not set.
pub const DEFAULT_TRANSIT_MOUNT: &str = "transit";

/// A key version in the transit engine of HashiCorp Vault or OpenBao. Address, namespace, mount, key and version together identify
/// the voter.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.caSecretRef) && has(self.caConfigMapRef))")
    .message("set at most one of caSecretRef and caConfigMapRef"))]
#[x_kube(validation = address_rules::no_certificates_of_plain_http())]
pub struct VaultKey {
    /// Address of the server: `https://HOST:PORT`, or `http://` on a loopback address. Without `/v1` and `/ui`. Behind a proxy,
    /// with the path under which the proxy serves it.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = address_rules::server())]
    #[x_kube(validation = address_rules::path())]
    pub address: String,

    /// Name of the key in the transit engine. Its type must be `ed25519`, and it must not be derived.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = key_rules::vault_name("key"))]
    pub key: String,

    /// Version of the key, from 1. It has no default, because each rotation creates a newer version, which would change
    /// the voter's identity.
    #[x_kube(validation = key_rules::vault_version())]
    pub version: i32,

    /// Path at which the transit engine is mounted. Default: `transit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = key_rules::vault_path("mount"))]
    pub mount: Option<String>,

    /// Namespace on the server, if the server has namespaces. Default: the root namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = key_rules::vault_path("namespace"))]
    pub namespace: Option<String>,

    /// How the signer logs in, with exactly one method.
    pub auth: VaultAuth,

    /// Key of a Secret with the certificates of the server's certificate authorities, in PEM. Default: the public authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,

    /// Key of a ConfigMap with the same certificates. The operator may not read ConfigMaps, so it does not report a
    /// missing one: the pods wait for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_config_map_ref: Option<ConfigMapKeyRef>,
}

impl VaultKey {
    /// The effective mount path of the transit engine.
    pub fn effective_mount(&self) -> &str {
        self.mount.as_deref().unwrap_or(DEFAULT_TRANSIT_MOUNT)
    }
}

/// How the signer logs in: with a ServiceAccount token that only the container `signer` has.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.kubernetes) != has(self.jwt)").message("set exactly one of kubernetes and jwt"))]
pub struct VaultAuth {
    /// The method `kubernetes`: the server asks this cluster whether the token is valid (TokenReview).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<VaultLogin>,

    /// The method `jwt`: the server checks the token with the public keys of this cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<VaultLogin>,
}

impl VaultAuth {
    /// The auth method's name on the server, with its login. None if none is set, which the schema refuses.
    pub fn method(&self) -> Option<(&'static str, &VaultLogin)> {
        let Self { kubernetes, jwt } = self;
        let kubernetes = kubernetes.as_ref().map(|login| ("kubernetes", login));
        kubernetes.or(jwt.as_ref().map(|login| ("jwt", login)))
    }
}

/// Role, mount and audience of a login.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultLogin {
    /// Name of the role of the auth method.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = key_rules::vault_name("role"))]
    pub role: String,

    /// Path at which the auth method is mounted, without `auth/`. Default: the name of the method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = key_rules::vault_path("mount"))]
    #[x_kube(validation = key_rules::auth_mount())]
    pub mount: Option<String>,

    /// Audience of the token. The role must name the same audience: in `audience` with `kubernetes`, in
    /// `bound_audiences` with `jwt`. It must not be the audience of this cluster's API server. Default: `address`, with
    /// its host in lower case, without a `/` at its end and without the port 443 (with `http`, 80).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = key_rules::audience())]
    pub audience: Option<String>,
}
