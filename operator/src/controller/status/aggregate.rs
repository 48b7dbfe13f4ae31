//! One condition for all Deployments of a binding: the message is that of the first failing one, by name.

use crds::conditions::reasons;

use super::identity;
use super::target::{Reported, token};
use crate::backends;
use crate::controller::status::state::{State, States, Truth};
use crate::model::injection::Verdict;
use crate::model::observed::Observed;
use crate::model::reason::Reason;

/// The states of the binding. A selector without matches waits for a Deployment.
pub fn aggregate(observed: &Observed, verdict: &Verdict, reported: &[Reported]) -> States {
    let selected: Vec<_> = reported.iter().filter(|target| target.is_selected).collect();
    if selected.is_empty() {
        return nothing_selected(observed, verdict);
    }
    std::array::from_fn(|index| {
        let of_all: Vec<_> = selected
            .iter()
            .map(|target| (target.status.name.as_str(), &target.states[index]))
            .collect();
        one(&of_all)
    })
}

fn one(states: &[(&str, &State)]) -> State {
    let of = |truth| states.iter().find(move |(_, state)| state.truth == truth);
    let failing = of(Truth::False).or_else(|| of(Truth::Unknown));
    let plain = || {
        states
            .iter()
            // Only if no Deployment wants pods.
            .find(|(_, state)| state.reason.code != reasons::SCALED_TO_ZERO)
            .or(states.first())
    };
    let Some((name, state)) = failing.or_else(plain) else {
        return State::no(Reason::new(reasons::DEPLOYMENT_NOT_FOUND, ""));
    };
    let mut state = (*state).clone();
    if states.len() > 1 && state.is_false() && !state.reason.message.contains(*name) {
        state.reason.message = format!("Deployment {name}: {}", state.reason.message);
    }
    state
}

fn nothing_selected(observed: &Observed, verdict: &Verdict) -> States {
    let selector = observed.binding.spec.target.selector.as_ref();
    let injected = State::no(Reason::new(
        reasons::DEPLOYMENT_NOT_FOUND,
        format!(
            "spec.target.selector: found no Deployment in this namespace with the labels {}. The operator injects one as soon as it has them",
            selector.map(ToString::to_string).unwrap_or_default()
        ),
    ));
    let accepted = State::of(
        &verdict.accepted,
        reasons::ACCEPTED,
        "The operator manages this binding",
    );
    let token = token(verdict);
    let rolled_out = State::unknown(reasons::NOT_INJECTED, "See the condition Injected");
    let identity = match backends::account(&observed.binding) {
        Some(_) => State::unknown(reasons::DEPLOYMENT_NOT_FOUND, "See the condition Injected"),
        None => State::yes(reasons::IDENTITY_NOT_NEEDED, identity::NOT_NEEDED),
    };
    let signing = State::unknown(reasons::NOT_INJECTED, "See the condition Injected");
    let failing = [&accepted, &token].into_iter().find(|state| state.is_false());
    let ready = failing.unwrap_or(&injected).clone();
    [accepted, token, identity, injected, rolled_out, signing, ready]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failing_deployment_by_name_says_why() {
        let yes = State::yes(reasons::ROLLED_OUT, "done");
        let zero = State::yes(reasons::SCALED_TO_ZERO, "Deployment a wants no pods");
        let no = |message: &str| State::no(Reason::new(reasons::PROGRESSING, message));
        let of = |states: &[(&str, &State)]| {
            let state = one(states);
            (state.is_true(), state.reason.code, state.reason.message)
        };
        assert_eq!(
            of(&[("a", &yes), ("b", &no("0 of 1")), ("c", &no("0 of 2"))]),
            (false, reasons::PROGRESSING, "Deployment b: 0 of 1".to_owned())
        );
        assert_eq!(of(&[("a", &no("0 of 1"))]).2, "0 of 1");
        assert_eq!(of(&[("a", &zero), ("b", &yes)]).1, reasons::ROLLED_OUT);
        assert_eq!(of(&[("a", &zero)]).1, reasons::SCALED_TO_ZERO);
    }
}
