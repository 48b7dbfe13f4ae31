//! A Deployment that is held for its signer, and who asks for that.

use super::deployment::LiveDeployment;

/// A Deployment with the annotation of one that is held, read afresh.
#[derive(Debug)]
pub struct Held {
    pub live: LiveDeployment,
    /// Whether a binding names it, or may, and is not being deleted. A suspended one is among them: what it holds already stays until it goes on
    /// or a person resumes it, because a voter that waits does no harm.
    pub is_claimed: bool,
}

impl Held {
    /// Whether the hold is over: nobody asks for it, or somebody has resumed the Deployment and only the annotation is left.
    pub fn is_over(&self) -> bool {
        !self.is_claimed || !self.live.is_paused()
    }
}
