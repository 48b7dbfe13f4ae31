//! The two conditions by which kstatus, and therefore Flux and `helm --wait`, distinguishes progress from problems that a person
//! must fix.
//! Source: <https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md>

use crds::conditions::reasons;

use crate::controller::status::state::{State, Truth};
use crate::model::reason::Reason;

/// Reasons that need no action, or only an object that is still to be created.
const ON_ITS_WAY: [&str; 20] = [
    reasons::DEPLOYMENT_NOT_FOUND,
    reasons::DEPLOYMENT_TERMINATING,
    reasons::SECRET_NOT_FOUND,
    reasons::KEY_NOT_FOUND,
    reasons::SERVICE_ACCOUNT_NOT_FOUND,
    reasons::ROTATION_PENDING,
    reasons::APPROVAL_PENDING,
    reasons::ROLLOUT_QUEUED,
    reasons::PROGRESSING,
    reasons::HELD_FOR_SIGNER,
    reasons::PODS_NOT_CREATED,
    reasons::PODS_NOT_READY,
    reasons::IMAGE_PULL_BACK_OFF,
    reasons::CREATE_CONTAINER_CONFIG_ERROR,
    reasons::CREATE_CONTAINER_ERROR,
    reasons::CRASH_LOOP_BACK_OFF,
    reasons::CONTAINER_WAITING,
    reasons::BACKEND_DOWN,
    reasons::NO_LONGER_SELECTED,
    reasons::NOT_ASKED,
];

/// `Reconciling` and `Stalled`: at most one is True, and none once the binding is ready.
pub fn kstatus(ready: &State) -> [State; 2] {
    let reason = ready.reason.code;
    let settled = |message: &str| State::no(Reason::new(reasons::SETTLED, message));
    let (done, nothing) = (
        "Nothing is in progress: the cluster is in the state that the binding asks for",
        "Nothing needs to be fixed",
    );
    if ready.is_true() {
        return [settled(done), settled(nothing)];
    }
    let failing = State {
        truth: Truth::True,
        ..ready.clone()
    };
    if ON_ITS_WAY.contains(&reason) {
        [failing, settled(nothing)]
    } else {
        [settled("User action is required. See the condition Stalled"), failing]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_has_to_mend_is_not_waited_for() {
        let of = |ready: &State| kstatus(ready).map(|state| state.is_true());
        let no = |reason| State::no(Reason::new(reason, "x"));
        assert_eq!(of(&State::yes(reasons::READY, "x")), [false, false]);
        assert_eq!(of(&no(reasons::PROGRESSING)), [true, false]);
        assert_eq!(of(&no(reasons::PORT_CONFLICT)), [false, true]);
        assert_eq!(of(&no(reasons::PROGRESS_DEADLINE_EXCEEDED)), [false, true]);
    }
}
