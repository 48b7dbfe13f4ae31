//! References to objects in the namespace of a binding.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::cel_rules;

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

/// One key of a ConfigMap in the namespace of the binding.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapKeyRef {
    /// Name of the ConfigMap.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = cel_rules::object_name("a ConfigMap"))]
    pub name: String,

    /// Key within the ConfigMap's data.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = cel_rules::config_map_key())]
    pub key: String,
}
