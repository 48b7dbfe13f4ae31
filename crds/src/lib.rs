//! The `SignerBinding` custom resource: its types, its validation, and the names that are part of its contract.
//!
//! The documentation of a field is what `kubectl explain` prints, and every rule carries the message that
//! `kubectl apply` shows, so both are written for the person at the keyboard.

mod address_rules;
mod cel_rules;
mod choices;
pub mod conditions;
pub mod container;
pub mod key;
pub mod key_aws;
pub mod key_gcp;
mod key_rules;
pub mod key_vault;
pub mod kubernetes;
pub mod manifest;
mod map_schemas;
pub mod names;
pub mod occurrences;
pub mod policy;
pub mod references;
pub mod settings;
pub mod spec;
pub mod status;
pub mod target;

pub use choices::{DefaultResources, DeletionPolicy, Rollout};
pub use container::{EnvVar, EnvVarSource, FieldRef, SecurityContext};
pub use key::{Key, LocalKey, Source};
pub use key_aws::AwsKey;
pub use key_gcp::{Federation, GcpKey};
pub use key_vault::{VaultAuth, VaultKey, VaultLogin};
pub use policy::{BlockType, Network, Policy};
pub use references::{ConfigMapKeyRef, SecretKeyRef};
pub use settings::{ImagePullPolicy, LogLevel, Ports, Resources, SignerSettings};
pub use spec::{Capability, SignerBinding, SignerBindingSpec, WorkloadIdentity};
pub use status::{
    DeletedDeployment, Effective, MOST_TARGETS, Plan, SignerBindingStatus, TargetStatus, Warning, WrittenBy,
};
pub use target::{LabelSelector, LabelSelectorOperator, LabelSelectorRequirement, Target};

/// The manifest of the CustomResourceDefinition, as committed and as `operator crd` prints it.
pub const MANIFEST: &str = include_str!("../signerbindings.yaml");
