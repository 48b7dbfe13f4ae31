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
    /// Whether the hold is over: nobody asks for it, or somebody has resumed the Deployment and only the annotation is left. One that
    /// was injected before does not go on without its signer, whoever asks for it now.
    pub fn is_over(&self) -> bool {
        (!self.is_claimed && self.live.injected_hash().is_none()) || !self.live.is_paused()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_that_was_injected_is_not_let_go() {
        let held = |is_claimed: bool, paused: bool, annotations: &serde_json::Value| {
            let template = json!({"metadata": {"annotations": annotations}});
            let live = LiveDeployment::new(json!({"spec": {"paused": paused, "template": template}}));
            Held { live, is_claimed }.is_over()
        };
        let injected = json!({"signer.atto.cash/hash": "h"});
        assert!(held(false, true, &json!({})) && held(true, false, &json!({})) && held(false, false, &injected));
        assert!(!held(true, true, &json!({})) && !held(false, true, &injected));
    }
}
