//! A Deployment that is held for its signer, and who asks for that.

use super::deployment::LiveDeployment;

/// A Deployment with the annotation of one that is held, read afresh.
#[derive(Debug)]
pub struct Held {
    pub live: LiveDeployment,
    /// Whether a binding names it, or may, and is not being deleted. A suspended one is among them: what it holds already stays until it goes on
    /// or a person resumes it, because a voter that waits does no harm.
    pub is_claimed: bool,
    /// Whether it was injected before, and has lost its signer since.
    pub has_lost_its_signer: bool,
}

impl Held {
    /// Whether the hold is over: nobody asks for it, or somebody has resumed the Deployment and only the annotation is left. One that
    /// was injected before does not continue without its signer, no matter who asks for it now.
    pub fn is_over(&self) -> bool {
        (!self.is_claimed && !self.has_lost_its_signer) || !self.live.is_paused()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_that_has_lost_its_signer_is_not_let_go() {
        let is_over = |is_claimed: bool, paused: bool, has_lost_its_signer: bool| {
            let live = LiveDeployment::new(json!({"spec": {"paused": paused}}));
            Held {
                live,
                is_claimed,
                has_lost_its_signer,
            }
            .is_over()
        };
        assert!(is_over(false, true, false) && is_over(true, false, false) && is_over(false, false, true));
        assert!(!is_over(true, true, false) && !is_over(false, true, true));
    }
}
