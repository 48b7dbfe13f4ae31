//! The result of a write to a Deployment.

use crate::model::deployment::LiveDeployment;

/// The Deployment after a write.
pub struct Patched {
    pub after: LiveDeployment,
    /// Whether the write changed it.
    pub changed: bool,
}
