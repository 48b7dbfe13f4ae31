//! Step 6: what to report. Pure. Status says what the pods run, not what was written.

mod aggregate;
mod ahead;
mod beside;
mod contested;
mod events;
mod held;
mod identity;
mod key;
mod kstatus;
mod rollout;
mod signing;
mod state;
mod strays;
mod target;
mod update;
mod warnings;

use crds::conditions::types;
use crds::{Effective, SignerBindingStatus, TargetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::controller::status::state::State;
use crate::model::applied::{Applied, Written};
use crate::model::injection::Verdict;
use crate::model::observed::Observed;
use crate::model::report::Report;
use crate::model::text::shorten;

pub use contested::says_contested;
pub use events::{TOLD_OF_WRITES, ToldOfWrite, contested_notice, is_told, let_go_notice, removal_notice};

/// Reports what the verdict and the writes came to.
pub fn report(observed: &Observed, verdict: &Verdict, applied: &Applied, now: &Time) -> Report {
    let binding = &observed.binding;
    let old = binding.status.clone().unwrap_or_default();
    let mut reported: Vec<_> = (0..observed.targets.len())
        .map(|index| target::report(observed, verdict, applied, &old, index))
        .collect();
    let mut combined = aggregate::aggregate(observed, verdict, &reported);
    if let Some(other) = &observed.other_operator {
        contested::tell(&mut combined, other);
    }
    let [.., ready] = &combined;
    let outlook = kstatus::kstatus(ready);
    let update = update::state(observed, applied);
    let conditions = types::ALL.iter().zip(combined.iter().chain(&outlook).chain([&update]));
    let conditions = conditions
        .map(|(type_, state)| condition(type_, state, &old, binding.metadata.generation, now))
        .collect();
    // The condition Accepted speaks of them. What no status remembers would be told anew by each look.
    let beyond = observed.beyond_the_limit();
    reported.retain(|target| !beyond.contains(target.status.name.as_str()));
    let targets = reported
        .iter()
        .filter(|target| !matches!(target.written, Written::Removal(_)))
        .map(|target| target.status.clone())
        .collect();
    let reading = key::reading(observed, applied, &reported, &old);
    let status = SignerBindingStatus {
        // Whoever writes it puts its name there.
        operator: old.operator.clone(),
        observed_generation: binding.metadata.generation,
        conditions,
        public_key: reading.public_key,
        address: reading.address,
        selector: binding.spec.target.selector.as_ref().map(ToString::to_string),
        pods: pods(
            reported
                .iter()
                .filter(|target| target.is_selected)
                .map(|target| &target.status),
        ),
        effective: Some(Effective {
            key: reading.key,
            ..verdict.effective.clone()
        }),
        plan: update::plan(applied),
        annotated_service_accounts: identity::annotated(observed, verdict, applied, &old),
        warnings: warnings::warnings(observed, applied, now),
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

fn condition(type_: &str, state: &State, old: &SignerBindingStatus, generation: Option<i64>, now: &Time) -> Condition {
    let status = state.truth.as_str();
    let reason = state.reason.code;
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
    let message = kept.map_or_else(|| shorten(&state.reason.message, 4096), |before| before.message.clone());
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        observed_generation: generation,
        last_transition_time: before.map_or(now, |before| &before.last_transition_time).clone(),
    }
}
