//! Compares a condition with the present one.

use crds::{SignerBindingStatus, occurrences};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::controller::status::state::State;
use crate::model::text::shorten;

/// The condition of this state. An unchanged condition keeps its time. It also keeps its message if only text from other
/// programs has changed.
pub fn condition(
    type_: &str,
    state: &State,
    old: &SignerBindingStatus,
    generation: Option<i64>,
    now: &Time,
) -> Condition {
    let status = state.truth.as_str();
    let reason = state.reason.code;
    debug_assert!(
        occurrences::may_stand(type_, status, reason),
        "{type_}={status} must not have the reason {reason}, see crds::occurrences"
    );
    let new = shorten(&state.reason.message, 4096);
    let before = old
        .conditions
        .iter()
        .find(|condition| condition.type_ == type_ && condition.status == status);
    let kept = before.filter(|before| {
        before.reason == reason
            && before.observed_generation == generation
            && state
                .keep
                .as_ref()
                .is_some_and(|keep| keep.keeps(&before.message, &new))
    });
    let message = kept.map_or(new, |before| before.message.clone());
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        observed_generation: generation,
        last_transition_time: before.map_or(now, |before| &before.last_transition_time).clone(),
    }
}
