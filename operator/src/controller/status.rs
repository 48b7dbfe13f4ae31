//! Step 5: what to report. Pure. Status says what the pods run, not what was written.

mod events;
mod rollout;

use crds::conditions::{reasons, types};
use crds::names::PRIVATE_KEY_VARIABLE;
use crds::{Effective, SignerBinding, SignerBindingStatus, TargetStatus, Warning};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::apply::{Applied, Written};
use super::live::{ContainerList, LiveDeployment};
use super::observe::Observed;
use super::validate::{Refusal, Verdict};

pub use events::{Notice, removal_notice};

/// What to report about one reconcile.
#[derive(Debug)]
pub struct Report {
    pub status: SignerBindingStatus,
    pub notices: Vec<Notice>,
}

/// The state of one condition before it is compared with the one that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub is_true: bool,
    pub refusal: Refusal,
}

impl State {
    fn yes(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            is_true: true,
            refusal: Refusal::new(reason, message),
        }
    }

    fn no(refusal: Refusal) -> Self {
        Self {
            is_true: false,
            refusal,
        }
    }
}

/// Reports what the verdict and the writes came to.
pub fn report(observed: &Observed, verdict: &Verdict, applied: &Applied, now: &Time) -> Report {
    let binding = &observed.binding;
    let old = binding.status.clone().unwrap_or_default();
    let accepted = match &verdict.accepted {
        Ok(()) => State::yes(reasons::ACCEPTED, "the operator acts on this binding"),
        Err(refusal) => State::no(refusal.clone()),
    };
    let token = match &verdict.token {
        Ok(found) => State {
            is_true: true,
            refusal: found.clone(),
        },
        Err(refusal) => State::no(refusal.clone()),
    };
    let injected = injected(binding, &old, applied, &verdict.effective);
    let settled = is_true(&old, types::ROLLED_OUT) && applied.written == Written::Nothing;
    let rolled_out = rollout::state(injected.is_true, settled, applied.deployment.as_ref());
    let steps = [accepted, token, injected, rolled_out];
    let ready = ready(&steps, applied.deployment.as_ref());

    let mut conditions = vec![];
    for (type_, state) in types::ALL.iter().zip(steps.iter().chain([&ready])) {
        conditions.push(condition(type_, state, &old, binding.metadata.generation, now));
    }
    let told = conditions.last().map(|ready: &Condition| ready.message.clone());
    let target = target(binding, &old, applied, ready.refusal.reason, told.unwrap_or_default());
    let status = SignerBindingStatus {
        observed_generation: binding.metadata.generation,
        conditions,
        public_key: None,
        address: None,
        selector: None,
        pods: target.injected.then(|| format!("{}/{}", target.ready, target.pods)),
        effective: Some(verdict.effective.clone()),
        plan: None,
        warnings: warnings(binding, applied.deployment.as_ref()),
        targets: vec![target],
    };
    Report {
        notices: events::notices(&old, &status, applied),
        status,
    }
}

fn injected(binding: &SignerBinding, old: &SignerBindingStatus, applied: &Applied, effective: &Effective) -> State {
    match &applied.outcome {
        Ok(()) => State::yes(
            reasons::INJECTED,
            format!(
                "the pod template carries the signer ({}), and the node is pointed at http://localhost:{}",
                effective.image, effective.api_port
            ),
        ),
        // Left alone is still injected, as long as the binding asks for the same as when it was written.
        Err(refusal)
            if matches!(
                refusal.reason,
                reasons::NOT_ACCEPTED | reasons::TOKEN_NOT_READY | reasons::KEY_NOT_FOUND
            ) && old.observed_generation == binding.metadata.generation
                && is_true(old, types::INJECTED)
                && applied.deployment.as_ref().is_some_and(LiveDeployment::owns_signer) =>
        {
            State::yes(reasons::INJECTED, refusal.message.clone())
        }
        Err(refusal) => State::no(refusal.clone()),
    }
}

fn is_true(status: &SignerBindingStatus, type_: &str) -> bool {
    status
        .conditions
        .iter()
        .any(|condition| condition.type_ == type_ && condition.status == "True")
}

/// True if all are; else the first that is not says why.
fn ready(states: &[State], live: Option<&LiveDeployment>) -> State {
    if let Some(failing) = states.iter().find(|state| !state.is_true) {
        return failing.clone();
    }
    match states.last() {
        Some(rolled_out) if rolled_out.refusal.reason == reasons::SCALED_TO_ZERO => rolled_out.clone(),
        _ if live.is_some_and(|live| rollout::ready_pods(live) < live.replicas()) => State::no(Refusal::new(
            reasons::PODS_NOT_READY,
            live.map(rollout::counts).unwrap_or_default(),
        )),
        _ => State::yes(reasons::READY, "the pods run with their signer"),
    }
}

fn target(
    binding: &SignerBinding,
    old: &SignerBindingStatus,
    applied: &Applied,
    reason: &str,
    message: String,
) -> TargetStatus {
    let live = applied.deployment.as_ref();
    // What this binding has injected stays its own while a refusal keeps it from being written anew.
    let injected = applied.outcome.is_ok()
        || (old.targets.iter().any(|target| target.injected) && live.is_some_and(LiveDeployment::owns_signer));
    TargetStatus {
        name: binding.spec.target.name.clone().unwrap_or_default(),
        injected,
        pods: live.map_or(0, |live| clamp(live.replicas())),
        ready: live
            .filter(|_| injected)
            .map_or(0, |live| clamp(rollout::ready_pods(live))),
        reason: reason.to_owned(),
        message,
    }
}

fn clamp(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn condition(type_: &str, state: &State, old: &SignerBindingStatus, generation: Option<i64>, now: &Time) -> Condition {
    let status = if state.is_true { "True" } else { "False" };
    let reason = state.refusal.reason;
    let before = old
        .conditions
        .iter()
        .find(|condition| condition.type_ == type_ && condition.status == status);
    // A webhook may put a time or a request's id into its words, and a message that changes every time would be written,
    // seen and written again.
    let message = before
        .filter(|before| {
            reason == reasons::REJECTED && before.reason == reason && before.observed_generation == generation
        })
        .map_or_else(
            || shorten(&state.refusal.message, 4096),
            |before| before.message.clone(),
        );
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        observed_generation: generation,
        last_transition_time: before.map_or(now, |before| &before.last_transition_time).clone(),
    }
}

fn warnings(binding: &SignerBinding, live: Option<&LiveDeployment>) -> Vec<Warning> {
    let target = binding.spec.target.name.clone().unwrap_or_default();
    let mut warnings = vec![];
    if binding.spec.key.local.is_some() {
        warnings.push(Warning {
            reason: "LocalKey".to_owned(),
            target: target.clone(),
            message: "the private key is in a Secret: whoever can read it is the voter. For development clusters only; use spec.key.gcp elsewhere".to_owned(),
        });
    }
    let carries_private_key = live.is_some_and(|live| {
        live.containers(ContainerList::Containers).iter().any(|container| {
            container["env"]
                .as_array()
                .is_some_and(|env| env.iter().any(|variable| variable["name"] == PRIVATE_KEY_VARIABLE))
        })
    });
    if carries_private_key {
        warnings.push(Warning {
            reason: "PrivateKeyInPod".to_owned(),
            target,
            message: format!(
                "the pod still carries {PRIVATE_KEY_VARIABLE}, which the signer replaces; remove it from the manifest"
            ),
        });
    }
    warnings
}

/// Cuts a text at a character, so that the API server takes it.
pub fn shorten(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let end = (0..=longest - 3)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    format!("{}…", &text[..end])
}
