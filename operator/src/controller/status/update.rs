//! Reports waiting changes: an older rendering of the injected fields, and the plan that an approval names.

use crds::Plan;
use crds::conditions::reasons;

use crate::controller::status::state::{State, Truth};
use crate::model::applied::{Applied, LONGEST_DIFF};
use crate::model::observed::Observed;
use crate::model::reason::Reason;
use crate::model::text::shorten;

/// The state of `UpdateAvailable`.
pub fn state(observed: &Observed, applied: &Applied) -> State {
    let held = observed.targets.iter().zip(&applied.targets);
    let names: Vec<_> = held
        .filter(|(_, applied)| applied.update)
        .map(|(target, _)| target.name.as_str())
        .collect();
    let mut selected = observed
        .targets
        .iter()
        .zip(&applied.targets)
        .filter(|(target, _)| target.is_selected())
        .peekable();
    // A refused or missing Deployment was not compared.
    let is_compared = selected.peek().is_some() && selected.all(|(_, applied)| applied.outcome.is_ok());
    match names.as_slice() {
        [] if !is_compared => State::unknown(
            reasons::NOT_INJECTED,
            "What the operator would write is not compared with the Deployment. See the condition Injected",
        ),
        [] => State::new(
            Truth::False,
            Reason::new(
                reasons::UP_TO_DATE,
                "The injected fields are what this operator version renders",
            ),
        ),
        [first, others @ ..] => State::yes(
            reasons::UPDATE_AVAILABLE,
            format!(
                "This operator ({}) renders the injected fields of Deployment {first}{} differently, see status.plan. It writes them with the next change of the binding or of the token, with an approval of the plan, or immediately with --upgrades=roll",
                env!("CARGO_PKG_VERSION"),
                match others.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                }
            ),
        ),
    }
}

/// The plan, if something waits for an approval.
pub fn plan(applied: &Applied) -> Option<Plan> {
    // Its hash described the removed state. The next reconcile follows immediately.
    if applied.has_removed() {
        return None;
    }
    let diffs: Vec<_> = applied
        .targets
        .iter()
        .filter_map(|target| target.diff.as_deref())
        .collect();
    (!diffs.is_empty()).then(|| Plan {
        hash: applied.plan.clone(),
        diff: Some(shorten(&diffs.concat(), LONGEST_DIFF)),
    })
}
