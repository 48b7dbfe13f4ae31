//! A Deployment that is held until its signer is injected, and whether a binding names it.

use super::deployment::LiveDeployment;

/// A Deployment with the annotation of a held one, read from the API server.
#[derive(Debug)]
pub struct Held {
    pub live: LiveDeployment,
    /// Whether a binding that is not being deleted names it, or may name it. This includes a suspended binding: a Deployment that
    /// it holds stays held until the binding is resumed or a person resumes the Deployment, because a waiting voter does no harm.
    pub is_claimed: bool,
    /// Whether it was injected before, and has lost its signer since.
    pub has_lost_its_signer: bool,
}

impl Held {
    /// Whether the hold is over: no binding names it, or a person has resumed the Deployment and only the annotation is left. A
    /// Deployment that was injected before is not resumed without its signer, no matter who names it now.
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
