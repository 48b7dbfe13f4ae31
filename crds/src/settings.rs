//! How the signer container runs.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::KubeSchema;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::container::{EnvVar, SecurityContext};
use crate::names::{DEFAULT_API_PORT, DEFAULT_MANAGEMENT_PORT};
use crate::{cel_rules, map_schemas};

/// Settings of the injected signer container. All optional.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignerSettings {
    /// Image of the signer. It must begin with one of the operator's `--allowed-signer-images`. Default: the image that the
    /// operator was installed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = cel_rules::image())]
    pub image: Option<String>,

    /// When the kubelet pulls the image: `Always`, `IfNotPresent` or `Never`. Default: `IfNotPresent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,

    /// Ports of the signer inside the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<Ports>,

    /// Requests and limits of the signer container. Default: requests of 50m CPU and 64Mi memory and a limit of 128Mi memory. In a
    /// pod of class Guaranteed: 500m CPU and 128Mi memory for both, which keeps the class. In a pod with resources of its own
    /// (`spec.template.spec.resources`): none. The operator chooses the default when it injects the signer, and keeps it from then
    /// on (`status.targets[].signerResources`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,

    /// How much the signer logs: `error`, `warn`, `info`, `debug` or `trace`. Default: `info`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,

    /// Further environment variables of the signer container, for example for a proxy or a certificate authority.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVar>,

    /// User and group of the signer container. Default: 65532 for both. On a platform that chooses them, such as OpenShift, set it to `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContext>,
}

/// Ports of the signer inside the pod.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.api) ? self.api : 9090) != (has(self.management) ? self.management : 9091)")
    .message("api and management must be different ports (defaults: 9090 and 9091)"))]
#[x_kube(validation = Rule::new("!((has(self.api) ? self.api : 9090) in [8080, 8081, 8082]) && !((has(self.management) ? self.management : 9091) in [8080, 8081, 8082])")
    .message("8080, 8081 and 8082 are the node's own ports: choose other ports"))]
pub struct Ports {
    /// Port of the signing API, on the pod's loopback addresses only. Default: 9090.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub api: Option<i32>,

    /// Port of health, metrics and information. Default: 9091.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub management: Option<i32>,
}

impl Ports {
    /// The effective port of the signing API.
    pub fn effective_api(&self) -> i32 {
        self.api.unwrap_or(i32::from(DEFAULT_API_PORT))
    }

    /// The effective management port.
    pub fn effective_management(&self) -> i32 {
        self.management.unwrap_or(i32::from(DEFAULT_MANAGEMENT_PORT))
    }
}

/// Requests and limits, as in a container of a pod.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// Resources that the scheduler reserves, by resource name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "map_schemas::quantities")]
    #[x_kube(validation = cel_rules::resource_names())]
    #[x_kube(validation = cel_rules::resource_quantities())]
    pub requests: BTreeMap<String, Quantity>,

    /// The most that the container may use, by resource name. A CPU limit throttles the signer, and a throttled signer signs votes
    /// late.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "map_schemas::quantities")]
    #[x_kube(validation = cel_rules::resource_names())]
    #[x_kube(validation = cel_rules::resource_quantities())]
    pub limits: BTreeMap<String, Quantity>,
}

/// When the kubelet pulls an image.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum ImagePullPolicy {
    Always,
    IfNotPresent,
    Never,
}

impl ImagePullPolicy {
    /// The value as in a container's spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The value for `ATTO_SIGNER_LOG`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
