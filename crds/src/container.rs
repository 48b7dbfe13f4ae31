//! Fields that a binding adds to the signer container, in addition to the signer's own settings.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::cel_rules;
use crate::references::SecretKeyRef;

/// A variable of the signer container, with a value or the source of one.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.value) && has(self.valueFrom))")
    .message("set at most one of value and valueFrom"))]
pub struct EnvVar {
    /// Name of the variable. Names that begin with `ATTO_SIGNER_` are reserved: the operator sets them from the other fields of the
    /// binding.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = cel_rules::variable_name())]
    #[x_kube(validation = cel_rules::variable_is_not_ours())]
    pub name: String,

    /// Value of the variable. As in a container, `$(NAME)` is replaced by the value of another variable, and `$$` is a `$`.
    /// Default: empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    #[x_kube(validation = cel_rules::value_refers_to_nothing_of_ours())]
    pub value: Option<String>,

    /// Source of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<EnvVarSource>,
}

/// Source of a variable's value. A ConfigMap is not supported: the operator may not read ConfigMaps, so it could not report a
/// missing one, and the pod would not start.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.secretKeyRef) != has(self.fieldRef)")
    .message("set exactly one of secretKeyRef and fieldRef"))]
pub struct EnvVarSource {
    /// A key of a Secret in this namespace. The operator does not inject the signer before it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<SecretKeyRef>,

    /// A field of the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_ref: Option<FieldRef>,
}

/// A field of the pod.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldRef {
    /// Path of the field, such as `spec.nodeName` or `status.podIP`.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = cel_rules::field_path())]
    pub field_path: String,
}

/// User and group of the signer container. The rest of its security context is fixed: no privileges, no capabilities, a read-only
/// file system, not root.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecurityContext {
    /// User ID of the signer. Default: chosen by the platform, otherwise the image's: 65532.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 2_147_483_647))]
    #[x_kube(validation = cel_rules::not_root("runAsUser"))]
    pub run_as_user: Option<i64>,

    /// Group ID of the signer. Default: chosen by the platform, otherwise the image's: 65532.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 2_147_483_647))]
    #[x_kube(validation = cel_rules::not_root("runAsGroup"))]
    pub run_as_group: Option<i64>,
}
