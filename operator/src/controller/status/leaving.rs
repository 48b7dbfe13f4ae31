//! A binding that is being deleted and cannot release its Deployments.

use crds::SignerBinding;
use crds::conditions::{reasons, types};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::condition::condition;
use super::events::LONGEST_NOTE;
use super::kstatus::kstatus;
use crate::controller::status::state::State;
use crate::model::reason::Reason;
use crate::model::report::{Notice, Report};
use crate::model::text::shorten;

/// Reports a refused removal. The rest of the status stays, because the voter still runs as before.
pub fn removal_refused(binding: &SignerBinding, what: &str, refusal: &str, now: &Time) -> Report {
    let old = binding.status.clone().unwrap_or_default();
    let message = format!(
        "{what}, which spec.deletionPolicy Remove requires before this SignerBinding is deleted: {refusal}. Allow it, or set spec.deletionPolicy to Retain to delete the SignerBinding without it"
    );
    let ready = State::no(Reason::new(reasons::REJECTED, message));
    let [reconciling, stalled] = kstatus(&ready);
    let conditions = [
        (types::READY, &ready),
        (types::RECONCILING, &reconciling),
        (types::STALLED, &stalled),
    ];
    let generation = binding.metadata.generation;
    let mut status = old.clone();
    for (type_, state) in conditions {
        let new = condition(type_, state, &old, generation, now);
        match status.conditions.iter_mut().find(|found| found.type_ == type_) {
            Some(found) => *found = new,
            None => status.conditions.push(new),
        }
    }
    status.observed_generation = generation;
    let is_news = !old.conditions.iter().any(|found| {
        let is_about_this = found.observed_generation == generation;
        found.type_ == types::READY && found.reason == reasons::REJECTED && is_about_this
    });
    let notice = Notice {
        deployment: None,
        is_on_binding: true,
        is_warning: true,
        reason: reasons::REJECTED.to_owned(),
        action: "Remove",
        note: shorten(&ready.reason.message, LONGEST_NOTE),
    };
    Report {
        status,
        notices: is_news.then_some(notice).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_told_once_and_what_else_is_known_stays() {
        let mut binding: SignerBinding = serde_json::from_value(json!({
            "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding",
            "metadata": {"name": "voter", "generation": 2},
            "spec": {
                "target": {"name": "voter"}, "capabilities": ["VOTE"], "tokenSecretRef": {"name": "t", "key": "k"},
                "key": {"local": {"secretRef": {"name": "s", "key": "k"}}},
            },
            "status": {"observedGeneration": 1, "address": "atto://x", "conditions": [
                {"type": "Injected", "status": "True", "reason": "Injected", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"},
            ]},
        }))
        .unwrap();
        let now = Time(Timestamp::UNIX_EPOCH);
        let first = removal_refused(&binding, "Deployment voter keeps its signer", "no\u{1b}", &now);
        assert_eq!(first.notices.len(), 1);
        assert_eq!(first.status.address.as_deref(), Some("atto://x"));
        let found = first
            .status
            .conditions
            .iter()
            .map(|found| format!("{}={}", found.type_, found.status));
        assert_eq!(
            found.collect::<Vec<_>>(),
            ["Injected=True", "Ready=False", "Reconciling=False", "Stalled=True"]
        );
        assert!(!first.notices[0].note.contains('\u{1b}'));
        binding.status = Some(first.status.clone());
        let again = removal_refused(&binding, "Deployment voter keeps its signer", "no\u{1b}", &now);
        assert_eq!(again.status, first.status);
        assert_eq!(again.notices, []);
    }
}
