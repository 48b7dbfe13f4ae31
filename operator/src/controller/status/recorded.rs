//! The record of the injection in place. A later operator version holds its own rendering back only for a recorded injection.

use crds::TargetStatus;

use crate::model::applied::AppliedTarget;
use crate::model::deployment::LiveDeployment;
use crate::template::ours;

/// The hash and the fingerprint of the injection in place, which describe the same state of the Deployment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    pub hash: Option<String>,
    pub fingerprint: Option<String>,
}

/// What is in place now, or was at an earlier reconcile: a refusal or a failed request changes nothing in the Deployment. The
/// record ends when another client replaces the injection, and when the spec changes, because a rendering of an earlier spec is
/// not held back.
pub fn recorded(applied: &AppliedTarget, before: Option<&TargetStatus>, is_same_spec: bool) -> Recorded {
    let live = applied.deployment.as_ref();
    if applied.hash.is_some() {
        return Recorded {
            hash: applied.hash.clone(),
            fingerprint: live.map(ours::fingerprint),
        };
    }
    let is_in_place = |live: &LiveDeployment, hash: &str| live.owns_signer() && live.injected_hash() == Some(hash);
    let stays = |before: &&TargetStatus| {
        let both = live.zip(before.hash.as_deref());
        is_same_spec && both.is_some_and(|(live, hash)| is_in_place(live, hash))
    };
    before.filter(stays).map_or(Recorded::default(), |before| Recorded {
        hash: before.hash.clone(),
        fingerprint: before.fingerprint.clone(),
    })
}

#[cfg(test)]
mod tests {
    use crds::conditions::reasons;
    use serde_json::json;

    use super::*;
    use crate::model::reason::Reason;

    fn live(hash: &str, manager: &str) -> LiveDeployment {
        LiveDeployment::new(json!({
            "metadata": {"name": "voter", "managedFields": [{"manager": manager, "operation": "Apply", "fieldsV1": {
                "f:spec": {"f:template": {"f:spec": {"f:initContainers": {"k:{\"name\":\"signer\"}": {"f:image": {}}}}}},
            }}]},
            "spec": {"template": {"metadata": {"annotations": {"signer.atto.cash/hash": hash}}}},
        }))
    }

    fn before() -> TargetStatus {
        let target = json!({
            "name": "voter", "injected": true, "pods": 1, "ready": 1, "reason": "Ready", "message": "",
            "hash": "h-t", "fingerprint": "1-before",
        });
        serde_json::from_value(target).unwrap()
    }

    #[test]
    fn a_refusal_and_a_failure_keep_it_as_long_as_it_is_in_place() {
        let ours = "signer-operator";
        for code in [
            reasons::PORT_CONFLICT,
            reasons::SERVICE_CONFLICT,
            reasons::FIELD_CONFLICT,
            reasons::ROLLOUT_QUEUED,
            reasons::NO_LONGER_SELECTED,
            // A timeout, and an answer of 503.
            reasons::PROGRESSING,
        ] {
            let of = |live: Option<LiveDeployment>, is_same_spec: bool| {
                let applied = AppliedTarget::untouched(live, Err(Reason::new(code, "")));
                recorded(&applied, Some(&before()), is_same_spec)
            };
            let kept = Recorded {
                hash: Some("h-t".to_owned()),
                fingerprint: Some("1-before".to_owned()),
            };
            assert_eq!(of(Some(live("h-t", ours)), true), kept, "{code}");
            for (live, is_same_spec, why) in [
                (Some(live("h-t", ours)), false, "the spec has changed"),
                (Some(live("other-t", ours)), true, "another rendering replaced it"),
                (Some(live("h-t", "kubectl")), true, "another client wrote the signer"),
                (None, true, "the Deployment is gone"),
            ] {
                assert_eq!(of(live, is_same_spec), Recorded::default(), "{code}: {why}");
            }
        }
    }

    #[test]
    fn what_is_in_place_is_recorded_as_it_is() {
        let applied = AppliedTarget {
            hash: Some("new-t".to_owned()),
            ..AppliedTarget::untouched(Some(live("new-t", "signer-operator")), Ok(()))
        };
        let found = recorded(&applied, Some(&before()), false);
        assert_eq!(found.hash.as_deref(), Some("new-t"));
        assert_eq!(
            found.fingerprint,
            Some(ours::fingerprint(&live("new-t", "signer-operator")))
        );
    }
}
