//! Choices that a spec makes and a status repeats.

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
