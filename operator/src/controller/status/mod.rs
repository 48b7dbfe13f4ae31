//! Step 6: what to report. Pure. Status says what the pods run, not what was written.

mod aggregate;
mod events;
mod identity;
mod kstatus;
mod rollout;
mod signing;
mod target;
mod update;
mod warnings;

use crds::conditions::{reasons, types};
use crds::{SignerBindingStatus, TargetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::controller::apply::{Applied, Written};
use crate::controller::observe::Observed;
use crate::controller::validate::{Refusal, Verdict};

pub use events::{Notice, TOLD_OF_WRITES, ToldOfWrite, is_told, removal_notice};

/// The schema's bound on `status.targets`.
const MOST_TARGETS: usize = 256;

/// What to report about one reconcile.
#[derive(Debug)]
pub struct Report {
    pub status: SignerBindingStatus,
    pub notices: Vec<Notice>,
}

/// The state of one condition before it is compared with the one that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub truth: Truth,
    pub refusal: Refusal,
    /// The message that stands is kept while it contains this: other programs put times and numbers into their words, and
    /// a message that changes every time would be written, seen and written again.
    pub keep: Option<String>,
}

/// A condition's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl State {
    fn new(truth: Truth, refusal: Refusal) -> Self {
        let keep = (refusal.reason == reasons::REJECTED).then(String::new);
        Self { truth, refusal, keep }
    }

    fn yes(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Truth::True, Refusal::new(reason, message))
    }

    fn no(refusal: Refusal) -> Self {
        Self::new(Truth::False, refusal)
    }

    fn unknown(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Truth::Unknown, Refusal::new(reason, message))
    }

    fn of(result: &Result<(), Refusal>, reason: &'static str, message: &str) -> Self {
        match result {
            Ok(()) => Self::yes(reason, message),
            Err(refusal) => Self::no(refusal.clone()),
        }
    }

    fn is_true(&self) -> bool {
        self.truth == Truth::True
    }

    fn is_false(&self) -> bool {
        self.truth == Truth::False
    }
}

/// The states of the conditions that lead to `Ready`, in their order.
pub type States = [State; types::STEPS.len()];

/// Reports what the verdict and the writes came to.
pub fn report(observed: &Observed, verdict: &Verdict, applied: &Applied, now: &Time) -> Report {
    let binding = &observed.binding;
    let old = binding.status.clone().unwrap_or_default();
    let reported: Vec<_> = (0..observed.targets.len())
        .map(|index| target::report(observed, verdict, applied, &old, index))
        .collect();
    let combined = aggregate::aggregate(observed, verdict, &reported);
    let [.., ready] = &combined;
    let outlook = kstatus::kstatus(ready);
    let update = update::state(observed, applied);
    let conditions = types::ALL.iter().zip(combined.iter().chain(&outlook).chain([&update]));
    let conditions = conditions
        .map(|(type_, state)| condition(type_, state, &old, binding.metadata.generation, now))
        .collect();
    let mut targets: Vec<_> = reported
        .iter()
        .filter(|target| !matches!(target.written, Written::Removal(_)))
        .map(|target| target.status.clone())
        .collect();
    targets.truncate(MOST_TARGETS);
    let identity = reported.iter().find_map(|target| target.signer.as_ref());
    let status = SignerBindingStatus {
        observed_generation: binding.metadata.generation,
        conditions,
        public_key: identity.map_or(old.public_key.clone(), |found| Some(found.public_key.clone())),
        address: identity.map_or(old.address.clone(), |found| Some(found.address.clone())),
        selector: binding.spec.target.selector.as_ref().map(ToString::to_string),
        pods: pods(
            reported
                .iter()
                .filter(|target| target.is_selected)
                .map(|target| &target.status),
        ),
        effective: Some(verdict.effective.clone()),
        plan: update::plan(applied),
        warnings: warnings::warnings(observed, applied),
        targets,
    };
    Report {
        notices: events::notices(&old, &status, &reported),
        status,
    }
}

/// Ready pods of those wanted, over all injected Deployments.
fn pods<'a>(targets: impl Iterator<Item = &'a TargetStatus>) -> Option<String> {
    let (mut is_injected, mut ready, mut wanted) = (false, 0_i64, 0_i64);
    for target in targets {
        is_injected |= target.injected;
        ready += i64::from(target.ready);
        wanted += i64::from(target.pods);
    }
    is_injected.then(|| format!("{ready}/{wanted}"))
}

fn is_true(status: &SignerBindingStatus, type_: &str) -> bool {
    status
        .conditions
        .iter()
        .any(|condition| condition.type_ == type_ && condition.status == "True")
}

fn condition(type_: &str, state: &State, old: &SignerBindingStatus, generation: Option<i64>, now: &Time) -> Condition {
    let status = state.truth.as_str();
    let reason = state.refusal.reason;
    debug_assert!(
        crds::occurrences::may_stand(type_, status, reason),
        "{type_}={status} must not have the reason {reason}, see crds::occurrences"
    );
    let before = old
        .conditions
        .iter()
        .find(|condition| condition.type_ == type_ && condition.status == status);
    let kept = before.filter(|before| {
        before.reason == reason
            && before.observed_generation == generation
            && state.keep.as_ref().is_some_and(|part| before.message.contains(part))
    });
    let message = kept.map_or_else(
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
