//! Whether the pods that run are those of the injected template.

use crds::conditions::reasons;

use super::State;
use crate::controller::live::LiveDeployment;
use crate::controller::validate::Refusal;

/// `settled` says that the rollout was complete before and that nothing was written since: from then on it is `Ready`
/// that follows the probes of the pods.
pub fn state(injected: bool, settled: bool, live: Option<&LiveDeployment>) -> State {
    let Some(live) = live.filter(|_| injected) else {
        return State::no(Refusal::new(reasons::NOT_INJECTED, "see the condition Injected"));
    };
    let wanted = live.replicas();
    let (all, updated, available) = (
        live.count("replicas"),
        live.count("updatedReplicas"),
        live.count("availableReplicas"),
    );
    let observed = live.is_observed();
    if observed && wanted == 0 && all == 0 {
        return State::yes(
            reasons::SCALED_TO_ZERO,
            format!("Deployment {} wants no pods", live.name()),
        );
    }
    if observed && updated == wanted && all == updated && (settled || available == wanted) {
        return State::yes(reasons::ROLLED_OUT, "no pods of another template are left");
    }
    let counts = counts(live);
    // The controller counts a paused Deployment as observed although its pods stay as they are.
    if live.is_paused() && (updated < wanted || all > updated) {
        return State::no(Refusal::new(
            reasons::DEPLOYMENT_PAUSED,
            format!("Deployment {} is paused: {counts}; resume it to roll out", live.name()),
        ));
    }
    if let Some(("ProgressDeadlineExceeded", message)) = live.condition("Progressing", "False") {
        return State::no(Refusal::new(
            reasons::PROGRESS_DEADLINE_EXCEEDED,
            format!("{message}: {counts}"),
        ));
    }
    if let Some((reason, message)) = live.condition("ReplicaFailure", "True") {
        return State::no(Refusal::new(reasons::PODS_NOT_CREATED, format!("{reason}: {message}")));
    }
    State::no(Refusal::new(reasons::PROGRESSING, counts))
}

/// Ready pods only: every other count would make a write of every step of a rollout.
pub fn counts(live: &LiveDeployment) -> String {
    format!(
        "{} of {} wanted pods are ready with the injected template",
        ready_pods(live),
        live.replicas()
    )
}

/// Ready pods of the present template. While pods of an older one are left, as many as must be of the present one.
pub fn ready_pods(live: &LiveDeployment) -> i64 {
    if !live.is_observed() {
        return 0;
    }
    let older = live.count("replicas") - live.count("updatedReplicas");
    (live.count("readyReplicas") - older.max(0)).max(0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(spec: &Value, status: &Value) -> (bool, &'static str) {
        let live = LiveDeployment::new(json!({
            "metadata": {"name": "voter", "generation": 2}, "spec": spec, "status": status,
        }));
        let state = state(true, false, Some(&live));
        (state.is_true, state.refusal.reason)
    }

    #[test]
    fn follows_counts_and_generation() {
        let done = json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1});
        assert_eq!(of(&json!({}), &done), (true, reasons::ROLLED_OUT));
        let mut stale = done.clone();
        stale["observedGeneration"] = json!(1);
        assert_eq!(of(&json!({}), &stale), (false, reasons::PROGRESSING));
        let unready = json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1});
        assert_eq!(of(&json!({}), &unready), (false, reasons::PROGRESSING));
        let live = LiveDeployment::new(json!({"spec": {}, "status": unready}));
        assert!(state(true, true, Some(&live)).is_true, "a failing probe is no rollout");
        let surge = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 2});
        assert_eq!(of(&json!({}), &surge), (false, reasons::PROGRESSING));
        assert_eq!(
            of(&json!({"paused": true}), &surge),
            (false, reasons::DEPLOYMENT_PAUSED)
        );
        assert_eq!(of(&json!({"paused": true}), &done), (true, reasons::ROLLED_OUT));
        assert_eq!(
            of(&json!({"replicas": 0}), &json!({"observedGeneration": 2})),
            (true, reasons::SCALED_TO_ZERO)
        );
        assert_eq!(state(false, false, None).refusal.reason, reasons::NOT_INJECTED);
    }

    #[test]
    fn counts_only_pods_that_must_be_new() {
        let live = LiveDeployment::new(json!({"status": {"replicas": 2, "updatedReplicas": 1, "readyReplicas": 1}}));
        assert_eq!(ready_pods(&live), 0);
    }
}
