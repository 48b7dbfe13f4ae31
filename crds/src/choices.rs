//! Choices of a user or of the operator. The status reports their effective values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a changed injection is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum Rollout {
    #[default]
    Automatic,
    Manual,
}

/// What happens to the Deployment when the binding is deleted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum DeletionPolicy {
    #[default]
    Retain,
    Remove,
}

/// The resources of a signer container if the binding sets none.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum DefaultResources {
    /// Small requests, a memory limit and no CPU limit.
    Burstable,
    /// Requests equal to limits, which keeps a pod in the class Guaranteed.
    Guaranteed,
    /// None, because the pod has resources of its own.
    PodLevel,
}
