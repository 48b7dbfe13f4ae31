//! Reports that another operator writes the same binding. The voter still runs, and a person must stop one of the two.

use crds::conditions::{reasons, types};
use crds::{SignerBinding, WrittenBy};

use crate::controller::status::state::{State, States};
use crate::model::reason::Reason;
use crate::model::text::shorten;

/// Maximum length of the other operator's names, which it chooses itself.
const LONGEST: usize = 100;

/// Describes the other operator, after the words "another operator".
pub fn who(other: Option<&WrittenBy>) -> String {
    let Some(WrittenBy {
        lease_namespace,
        identity,
        ..
    }) = other
    else {
        return "of an earlier version, which does not say where it runs,".to_owned();
    };
    let clean = |text: &str| shorten(&text.replace(char::is_control, " "), LONGEST);
    let identity = clean(identity);
    match lease_namespace {
        Some(namespace) => format!("({identity}, with its Lease in namespace {})", clean(namespace)),
        None => format!("({identity}, without a Lease)"),
    }
}

/// Reports it in `Accepted`, and therefore in `Ready`.
pub fn tell(states: &mut States, other: &WrittenBy) {
    let state = State::no(Reason::new(
        reasons::CONTESTED,
        format!(
            "Another operator {} also writes this binding. The operator in status.operator continues to serve it, and the other one waits. Keep one of them: uninstall the other, or let each watch namespaces of its own (watchNamespaces of the chart)",
            who(Some(other))
        ),
    ));
    // Before any other reason, because the other operator waits for it.
    let [accepted, .., ready] = states;
    *accepted = state.clone();
    *ready = state;
}

/// Whether the status reports it.
pub fn says_contested(binding: &SignerBinding) -> bool {
    let mut conditions = binding.status.iter().flat_map(|status| &status.conditions);
    conditions.any(|condition| condition.type_ == types::ACCEPTED && condition.reason == reasons::CONTESTED)
}
