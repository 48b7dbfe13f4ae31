//! What a write to a Deployment came to.

use crate::model::deployment::LiveDeployment;

/// The Deployment after a write.
pub struct Patched {
    pub after: LiveDeployment,
    /// Whether it is another one than before.
    pub changed: bool,
}
