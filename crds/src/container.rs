//! What the signer container is given in addition to its own settings.

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
    /// Name of the variable. Those that begin with `ATTO_SIGNER_` are the operator's: other fields of the binding set them.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = cel_rules::variable_name())]
    #[x_kube(validation = cel_rules::variable_is_not_ours())]
    pub name: String,

    /// Its value. As in a container, `$(NAME)` is replaced by the value of another variable, and `$$` is a `$`. Default: empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    #[x_kube(validation = cel_rules::value_refers_to_nothing_of_ours())]
    pub value: Option<String>,

    /// Where its value comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<EnvVarSource>,
}

/// Where the value of a variable comes from. A ConfigMap is none of them: the operator, which has no right to read it, could not see that
/// it is missing, and a pod that names it would not start.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.secretKeyRef) != has(self.fieldRef)")
    .message("set exactly one of secretKeyRef and fieldRef"))]
pub struct EnvVarSource {
    /// A key of a Secret in this namespace. Nothing is injected before it is there.
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
    /// Its path, such as `spec.nodeName` or `status.podIP`.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = cel_rules::field_path())]
    pub field_path: String,
}

/// User and group of the signer container. Everything else of its security context is fixed: no privileges, no capabilities, a read-only
/// file system, not root.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecurityContext {
    /// User ID of the signer. Where it is not set, the platform chooses it, else the image: 65532.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 2_147_483_647))]
    #[x_kube(validation = cel_rules::not_root("runAsUser"))]
    pub run_as_user: Option<i64>,

    /// Group ID of the signer. Where it is not set, the platform chooses it, else the image: 65532.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 2_147_483_647))]
    #[x_kube(validation = cel_rules::not_root("runAsGroup"))]
    pub run_as_group: Option<i64>,
}
