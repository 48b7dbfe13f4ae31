//! The `SignerBinding` custom resource: its types, its validation, and the names that are part of its contract.
//!
//! The documentation of a field is what `kubectl explain` prints, and every rule carries the message that
//! `kubectl apply` shows, so both are written for the person at the keyboard.

mod cel_rules;
mod choices;
pub mod conditions;
pub mod container;
pub mod key;
pub mod kubernetes;
pub mod manifest;
mod map_schemas;
pub mod names;
pub mod occurrences;
pub mod policy;
pub mod settings;
pub mod spec;
pub mod status;
pub mod target;

pub use choices::{DefaultResources, DeletionPolicy, Rollout};
pub use container::{EnvVar, EnvVarSource, FieldRef, SecurityContext};
pub use key::{GcpKey, Key, LocalKey, SecretKeyRef, Source};
pub use policy::{BlockType, Network, Policy};
pub use settings::{ImagePullPolicy, LogLevel, Ports, Resources, SignerSettings};
pub use spec::{Capability, SignerBinding, SignerBindingSpec, WorkloadIdentity};
pub use status::{Effective, MOST_TARGETS, Plan, SignerBindingStatus, TargetStatus, Warning, WrittenBy};
pub use target::{LabelSelector, LabelSelectorOperator, LabelSelectorRequirement, Target};

/// The manifest of the CustomResourceDefinition, as committed and as `operator crd` prints it.
pub const MANIFEST: &str = include_str!("../signerbindings.yaml");
