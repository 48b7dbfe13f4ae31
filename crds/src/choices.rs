//! Choices that a spec or the operator makes and a status repeats.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a changed injection is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum Rollout {
    #[default]
    Automatic,
    Manual,
}

/// What deleting the binding does to the Deployment.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum DeletionPolicy {
    #[default]
    Retain,
    Remove,
}

/// The resources of a signer container for which the binding gives none.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum DefaultResources {
    /// Small requests, a memory limit and no CPU limit.
    Burstable,
    /// Requests equal to limits, so that a pod of class Guaranteed stays so.
    Guaranteed,
    /// None, because the pod has resources of its own.
    PodLevel,
}
