//! Reports whether the signers sign, as they report themselves.

use crds::SignerBindingStatus;
use crds::conditions::{reasons, types};

use super::beside;
use crate::controller::status::state::{Keep, State, Truth};
use crate::model::deployment::LiveDeployment;
use crate::model::pod::{Answer, Fault, InjectedPod, SignerIdentity};
use crate::model::reason::Reason;

/// The pods that run the present template.
pub fn current<'a>(pods: &'a [InjectedPod], live: Option<&LiveDeployment>) -> Vec<&'a InjectedPod> {
    let hash = live.and_then(LiveDeployment::injected_hash);
    pods.iter().filter(|pod| Some(pod.hash.as_str()) == hash).collect()
}

/// The state of `Signing` of one Deployment. One pod that does not sign makes it False. Signers that cannot be queried make it
/// Unknown.
pub fn state(
    injected: bool,
    pods: &[&InjectedPod],
    live: Option<&LiveDeployment>,
    expected: Option<&str>,
    old: &SignerBindingStatus,
    old_pods: i64,
) -> State {
    if !injected {
        return State::unknown(reasons::NOT_INJECTED, "See the condition Injected");
    }
    if live.is_some_and(|live| live.replicas() == 0) && pods.is_empty() {
        return State::unknown(reasons::SCALED_TO_ZERO, "Found no pods whose signer could be asked");
    }
    let unexpected = pods.iter().find_map(|pod| unexpected_key(pod, expected));
    if let Some(refusal) = unexpected {
        return State::no(refusal);
    }
    let down = pods.iter().find_map(|pod| match &pod.answer {
        Some(Answer::Down(fault, _)) => Some(down(pod, fault, live)),
        _ => None,
    });
    if let Some(state) = down {
        return state;
    }
    if let Some(pod) = pods.iter().find(|pod| pod.answer == Some(Answer::Unreachable)) {
        return State::unknown(
            reasons::UNREACHABLE,
            format!(
                "Pod {}: found no answer on its management port, because a NetworkPolicy blocks it, or because the operator runs outside the cluster. Allow the operator's pods TCP to the port in status.effective.managementPort. Ready does not depend on it",
                pod.name
            ),
        );
    }
    if pods.is_empty() || pods.iter().any(|pod| !pod.signer_runs) {
        return State::unknown(reasons::NOT_ASKED, "No running signer has been asked yet");
    }
    if pods.iter().any(|pod| pod.answer.is_none()) {
        return before(old);
    }
    let all = "Every running signer reports that it signs";
    match old_pods {
        0 => State::yes(reasons::SIGNING, all),
        more => State::yes(reasons::SIGNING, format!("{all}; {}", beside::told(more))),
    }
}

/// The first identity that a pod reports.
pub fn identity(pods: &[&InjectedPod]) -> Option<SignerIdentity> {
    pods.iter()
        .find_map(|pod| pod.answer.as_ref().and_then(Answer::identity))
        .cloned()
}

/// A running signer that was not queried yet changes nothing, so that a restart of the operator does not change the status.
fn before(old: &SignerBindingStatus) -> State {
    let found = old
        .conditions
        .iter()
        .find(|condition| condition.type_ == types::SIGNING)
        .and_then(|condition| {
            let reason = reasons::ALL.iter().find(|reason| **reason == condition.reason)?;
            let truth = match condition.status.as_str() {
                "True" => Truth::True,
                "False" => Truth::False,
                _ => Truth::Unknown,
            };
            Some(State::new(truth, Reason::new(reason, condition.message.clone())))
        })
        .filter(|state| ![reasons::NOT_INJECTED, reasons::SCALED_TO_ZERO].contains(&state.reason.code));
    found.unwrap_or_else(|| State::unknown(reasons::NOT_ASKED, "No signer has been asked yet"))
}

fn unexpected_key(pod: &InjectedPod, expected: Option<&str>) -> Option<Reason> {
    let found = &pod.answer.as_ref()?.identity()?.address;
    let expected = expected.filter(|expected| expected != found)?;
    Some(Reason::new(
        reasons::UNEXPECTED_KEY,
        format!(
            "Signer of pod {}: found the key of {found}, expected that of {expected} (spec.key.expectedAddress). Name the right key version, or correct the address",
            pod.name
        ),
    ))
}

fn down(pod: &InjectedPod, fault: &Fault, live: Option<&LiveDeployment>) -> State {
    let Fault { reason, code, text } = fault;
    let cause = match (advice(reason, live), code.is_empty()) {
        (Some(advice), _) => format!("({code}) {advice}"),
        (None, true) => format!("it has not proven its key yet{}", how_to_ask(pod, live)),
        (None, false) => format!("({code}) {}{}", text.trim_end_matches('.'), how_to_ask(pod, live)),
    };
    let told = format!("The signer of pod {} does not sign: ", pod.name);
    let mut state = State::no(Reason::new(reason, format!("{told}{cause}")));
    let first = cause.split(' ').next().unwrap_or_default();
    state.keep = Some(Keep::Containing(told + first));
    state
}

/// What to do if node and signer do not match. The signer's own advice is for one without an operator.
fn advice(reason: &str, live: Option<&LiveDeployment>) -> Option<String> {
    match reason {
        reasons::WRONG_TOKEN => {
            let restart = live.map(|live| {
                format!(
                    ": kubectl rollout restart deployment/{} --namespace {}",
                    live.name(),
                    live.namespace()
                )
            });
            Some(format!(
                "the node sends another token than the signer has, usually because the Secret was changed in place and one container restarted. Make sure that Injected and TokenReady are True, that the Deployment has 1 replica and the strategy Recreate, and that no old pod of it is Terminating. Then restart it, so that both read the same token{}",
                restart.unwrap_or_default()
            ))
        }
        reasons::OTHER_PUBLIC_KEY => Some(
            "the node requests votes of another key than the signer's: spec.key names another key, or the node has the database of another voter. Compare status.address with the address of the voter, and correct the one that is wrong. A restart does not help".to_owned(),
        ),
        reasons::MISSING_CAPABILITY => Some(
            "the node requests a type of signature that spec.capabilities does not allow. Add it, which replaces the pod. A voter needs CHALLENGE and VOTE".to_owned(),
        ),
        _ => None,
    }
}

/// The command that asks the key service again, and says what to do.
fn how_to_ask(pod: &InjectedPod, live: Option<&LiveDeployment>) -> String {
    live.map_or_else(String::new, |live| {
        format!(
            ". For the cause and the remedy, run: kubectl exec {} --namespace {} --container signer -- /signer preflight",
            pod.name,
            live.namespace()
        )
    })
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use serde_json::json;

    use super::*;

    fn pod(answer: Option<Answer>) -> InjectedPod {
        InjectedPod {
            name: "voter-1".to_owned(),
            hash: "h".to_owned(),
            signer_runs: true,
            signer_started: true,
            waiting: None,
            ahead: None,
            token: None,
            answer,
        }
    }

    fn live() -> LiveDeployment {
        LiveDeployment::new(json!({"metadata": {"name": "voter", "namespace": "atto"}, "spec": {
            "replicas": 1,
            "template": {"metadata": {"annotations": {"signer.atto.cash/hash": "h"}}},
        }}))
    }

    fn of(answers: &[Option<Answer>], expected: Option<&str>, old: &SignerBindingStatus) -> (Truth, &'static str) {
        let pods: Vec<_> = answers.iter().cloned().map(pod).collect();
        let found = state(true, &current(&pods, Some(&live())), Some(&live()), expected, old, 0);
        (found.truth, found.reason.code)
    }

    #[test]
    fn the_worst_answer_decides() {
        let old = SignerBindingStatus::default();
        let who = || {
            Some(SignerIdentity {
                public_key: "AB".repeat(32),
                address: "atto://mine".to_owned(),
            })
        };
        let up = Some(Answer::Up(who()));
        let down = Some(Answer::Down(
            Fault {
                reason: reasons::BACKEND_DOWN,
                code: "UNAVAILABLE".to_owned(),
                text: "no route".to_owned(),
            },
            who(),
        ));
        let lost = Some(Answer::Unreachable);
        assert_eq!(of(from_ref(&up), None, &old), (Truth::True, reasons::SIGNING));
        assert_eq!(
            of(&[up.clone(), lost.clone()], None, &old),
            (Truth::Unknown, reasons::UNREACHABLE)
        );
        assert_eq!(of(&[lost, down], None, &old), (Truth::False, reasons::BACKEND_DOWN));
        assert_eq!(
            of(from_ref(&up), Some("atto://mine"), &old),
            (Truth::True, reasons::SIGNING)
        );
        assert_eq!(
            of(from_ref(&up), Some("atto://other"), &old),
            (Truth::False, reasons::UNEXPECTED_KEY)
        );
        assert_eq!(of(&[], None, &old), (Truth::Unknown, reasons::NOT_ASKED));
    }

    #[test]
    fn other_words_for_the_same_failure_leave_the_message() {
        let down = |code: &str, text: &str| {
            let fault = Fault {
                reason: reasons::BACKEND_DOWN,
                code: code.to_owned(),
                text: text.to_owned(),
            };
            super::down(&pod(None), &fault, Some(&live()))
        };
        let first = down("UNAVAILABLE", "no route");
        assert_eq!(
            first.reason.message,
            "The signer of pod voter-1 does not sign: (UNAVAILABLE) no route. For the cause and the remedy, run: kubectl exec voter-1 \
             --namespace atto --container signer -- /signer preflight"
        );
        let is_kept = |next: &State| {
            let keep = next.keep.as_ref().unwrap();
            keep.keeps(&first.reason.message, &next.reason.message)
        };
        assert!(is_kept(&down("UNAVAILABLE", "no route, for 10 s")));
        assert!(!is_kept(&down("PERMISSION_DENIED", "no route")));
    }

    #[test]
    fn a_node_that_does_not_match_its_signer_gets_advice_that_a_person_can_follow() {
        let of = |reason: &'static str| {
            let fault = Fault {
                reason,
                code: reason.to_owned(),
                text: "give the node the value of ATTO_SIGNER_TOKEN".to_owned(),
            };
            super::down(&pod(None), &fault, Some(&live())).reason.message
        };
        let token = of(reasons::WRONG_TOKEN);
        assert!(
            token.contains("(WrongToken)")
                && token.ends_with("kubectl rollout restart deployment/voter --namespace atto"),
            "{token}"
        );
        assert!(of(reasons::OTHER_PUBLIC_KEY).contains("A restart does not help"));
        assert!(of(reasons::MISSING_CAPABILITY).contains("spec.capabilities"));
    }

    #[test]
    fn a_restart_of_the_operator_changes_nothing() {
        let old: SignerBindingStatus = serde_json::from_value(json!({"conditions": [{
            "type": "Signing", "status": "False", "reason": "BackendDown", "message": "x",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]}))
        .unwrap();
        assert_eq!(of(&[None], None, &old), (Truth::False, reasons::BACKEND_DOWN));
        assert_eq!(of(&[], None, &old), (Truth::Unknown, reasons::NOT_ASKED));
    }
}
