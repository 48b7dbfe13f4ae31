//! Reports whether the running pods are those of the injected template.

use crds::conditions::reasons;
use crds::names::DEPLOYMENT_LABEL;

use crate::controller::status::state::{Keep, State};
use crate::model::deployment::LiveDeployment;
use crate::model::pod::{InjectedPod, Waiting};
use crate::model::reason::Reason;
use crate::model::refusal;
use crate::template::names::short_name;

/// `settled` says that the rollout was complete and nothing was written since. From then on, `Ready` reflects the pods' probes.
pub fn state(injected: bool, settled: bool, live: Option<&LiveDeployment>, pods: &[&InjectedPod]) -> State {
    let Some(live) = live.filter(|_| injected) else {
        return State::unknown(reasons::NOT_INJECTED, "See the condition Injected");
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
        return State::yes(reasons::ROLLED_OUT, "All pods run the injected template");
    }
    let counts = counts(live);
    // The controller counts a paused Deployment as observed although its pods are not updated.
    if live.is_paused() && (updated < wanted || all > updated) {
        return State::no(Reason::new(
            reasons::DEPLOYMENT_PAUSED,
            format!("Deployment {} is paused: {counts}. Resume it to roll out", live.name()),
        ));
    }
    let stuck = stuck(pods);
    if let Some(("ProgressDeadlineExceeded", message)) = live.condition("Progressing", "False") {
        let why = stuck.map_or_else(|| progress(live, counts, pods), |state| state.reason.message);
        return State::no(Reason::new(
            reasons::PROGRESS_DEADLINE_EXCEEDED,
            format!("{}: {why}", message.trim_end_matches('.')),
        ));
    }
    if let Some(stuck) = stuck {
        return stuck;
    }
    if let Some((reason, message)) = live.condition("ReplicaFailure", "True") {
        return State::no(Reason::new(
            reasons::PODS_NOT_CREATED,
            format!("{reason}: {}. {}", refusal::reason(message), refusal::remedy(message)),
        ));
    }
    State::no(Reason::new(reasons::PROGRESSING, progress(live, counts, pods)))
}

/// Why the first pod without a running signer waits.
fn progress(live: &LiveDeployment, counts: String, pods: &[&InjectedPod]) -> String {
    let Some(InjectedPod { name, ahead, .. }) = pods.iter().find(|pod| !pod.signer_started) else {
        return counts;
    };
    match ahead {
        None => format!(
            "{counts}. Pod {name} waits for its signer to start, whose log says why: kubectl logs {name} --namespace {} --container signer",
            live.namespace()
        ),
        Some(ahead) => format!(
            "{counts}. The signer of pod {name} waits for init container {}, which runs before it",
            ahead.container
        ),
    }
}

/// Why a container of a pod waits, if that needs action.
pub fn stuck(pods: &[&InjectedPod]) -> Option<State> {
    let (pod, waiting) = pods.iter().find_map(|pod| Some((&pod.name, pod.waiting.as_ref()?)))?;
    let Waiting {
        container,
        reason: found,
        message,
    } = waiting;
    let reason = match found.as_str() {
        // The kubelet alternates between the two.
        "ErrImagePull" | "ImagePullBackOff" => reasons::IMAGE_PULL_BACK_OFF,
        "CreateContainerError" | "RunContainerError" => reasons::CREATE_CONTAINER_ERROR,
        other => {
            let known = [
                reasons::INVALID_IMAGE_NAME,
                reasons::ERR_IMAGE_NEVER_PULL,
                reasons::CREATE_CONTAINER_CONFIG_ERROR,
                reasons::CRASH_LOOP_BACK_OFF,
            ];
            known
                .into_iter()
                .find(|known| *known == other)
                .unwrap_or(reasons::CONTAINER_WAITING)
        }
    };
    let told = format!("Container {container} of pod {pod} waits: ");
    let mut state = State::no(Reason::new(reason, format!("{told}{found}: {message}")));
    state.keep = Some(Keep::Containing(told));
    Some(state)
}

/// What to run if pods of the injected template run and are not ready.
pub fn not_ready(live: &LiveDeployment) -> String {
    format!(
        "{}. The node's probes decide that. To see why: kubectl describe pods --namespace {} --selector {DEPLOYMENT_LABEL}={}",
        counts(live),
        live.namespace(),
        short_name(live.name())
    )
}

/// Only ready pods. With any other count, every step of a rollout would write the status.
pub fn counts(live: &LiveDeployment) -> String {
    format!(
        "{} of {} wanted pods are ready with the injected template",
        ready_pods(live),
        live.replicas()
    )
}

/// Ready pods of the present template. If pods of an older template exist, the minimum number that must be of the present one.
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
        let state = state(true, false, Some(&live), &[]);
        (state.is_true(), state.reason.code)
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
        assert!(
            state(true, true, Some(&live), &[]).is_true(),
            "a failing probe is no rollout"
        );
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
        assert_eq!(state(false, false, None, &[]).reason.code, reasons::NOT_INJECTED);
    }

    #[test]
    fn a_container_that_cannot_start_is_named() {
        let pod = |started, reason: &str| InjectedPod {
            name: "voter-1".to_owned(),
            hash: String::new(),
            signer_runs: started,
            signer_started: started,
            waiting: (!reason.is_empty()).then(|| Waiting {
                container: "signer".to_owned(),
                reason: reason.to_owned(),
                message: "why".to_owned(),
            }),
            ahead: None,
            token: None,
            answer: None,
        };
        let live = LiveDeployment::new(json!({"spec": {}, "status": {"replicas": 1, "updatedReplicas": 1}}));
        let of = |pod: &InjectedPod| {
            let found = state(true, false, Some(&live), &[pod]).reason;
            (found.code, found.message)
        };
        let (reason, message) = of(&pod(false, "ErrImagePull"));
        assert_eq!(
            (reason, message.as_str()),
            (
                "ImagePullBackOff",
                "Container signer of pod voter-1 waits: ErrImagePull: why"
            )
        );
        assert_eq!(of(&pod(false, "SomethingNew")).0, "ContainerWaiting");
        let (reason, message) = of(&pod(false, ""));
        assert_eq!(reason, "Progressing");
        assert!(message.contains("Pod voter-1 waits for its signer"), "{message}");
    }

    #[test]
    fn counts_only_pods_that_must_be_new() {
        let live = LiveDeployment::new(json!({"status": {"replicas": 2, "updatedReplicas": 1, "readyReplicas": 1}}));
        assert_eq!(ready_pods(&live), 0);
    }
}
