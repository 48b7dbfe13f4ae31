//! Reports whether a Deployment waits for its signer before its first pod.

use crds::conditions::reasons;

use super::state::{Keep, State};
use crate::model::deployment::LiveDeployment;
use crate::model::reason::Reason;

/// The state of `RolledOut` while it waits, with the first step that is not done.
pub fn state(live: Option<&LiveDeployment>, before: &[&State]) -> Option<State> {
    let live = live.filter(|live| live.is_held())?;
    let how = if live.injected_hash().is_some() {
        "its manifest was applied with an empty key, which removes the signer"
    } else {
        "it was created without its signer"
    };
    let told = format!(
        "Deployment {} is held: {how}. No new pod of it starts until the signer is injected. It waits for: ",
        live.name()
    );
    let failing = before.iter().find(|state| state.is_false());
    let waits = failing.map_or_else(
        || "spec.suspend to be false, or for a person to resume it".to_owned(),
        |state| format!("{}: {}", state.reason.code, state.reason.message),
    );
    let mut state = State::no(Reason::new(reasons::HELD_FOR_SIGNER, format!("{told}{waits}")));
    // The message contains the API server's text then.
    state.keep = failing.and_then(|failing| failing.keep.as_ref().map(|_| Keep::UpToDigits));
    Some(state)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_the_first_step_that_is_not_done() {
        let live = |held: bool, paused: bool| {
            let annotations = if held {
                json!({"signer.atto.cash/held": "voter"})
            } else {
                json!({})
            };
            LiveDeployment::new(json!({
                "metadata": {"name": "voter", "annotations": annotations}, "spec": {"paused": paused},
            }))
        };
        let done = State::yes(reasons::ACCEPTED, "done");
        let token = State::no(Reason::new(reasons::SECRET_NOT_FOUND, "there is no Secret token"));
        let later = State::no(Reason::new(reasons::TOKEN_NOT_READY, "see the token"));
        let steps = [&done, &token, &later];
        for (held, paused) in [(false, true), (true, false)] {
            assert_eq!(state(Some(&live(held, paused)), &steps), None, "{held} {paused}");
        }
        let waits = state(Some(&live(true, true)), &steps).unwrap();
        assert_eq!(waits.reason.code, reasons::HELD_FOR_SIGNER);
        let message = waits.reason.message;
        assert!(
            message.ends_with("It waits for: SecretNotFound: there is no Secret token"),
            "{message}"
        );
    }
}
