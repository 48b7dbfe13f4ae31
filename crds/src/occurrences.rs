//! Which reasons a condition can have, and with which status. A debug build of the operator checks it.

use crate::conditions::{reasons, types};

/// The reasons of one status of one condition.
#[derive(Clone, Copy, Debug)]
pub struct Occurrence {
    /// The condition's type.
    pub condition: &'static str,
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// The condition's own reasons.
    pub reasons: &'static [&'static str],
}

const fn when(condition: &'static str, status: &'static str, reasons: &'static [&'static str]) -> Occurrence {
    Occurrence {
        condition,
        status,
        reasons,
    }
}

/// All occurrences, in the order of [`types::ALL`]. Reasons that `Ready`, `Reconciling` and `Stalled` take from another
/// condition are listed only with that condition.
pub const ALL: [Occurrence; 24] = [
    when(types::ACCEPTED, "True", &[reasons::ACCEPTED]),
    when(
        types::ACCEPTED,
        "False",
        &[
            reasons::CONTESTED,
            reasons::IMAGE_NOT_ALLOWED,
            reasons::REMOVE_NEEDS_CLUSTER_ROLE,
            reasons::TARGET_TAKEN,
            reasons::TOO_MANY_TARGETS,
        ],
    ),
    when(
        types::TOKEN_READY,
        "True",
        &[reasons::TOKEN_FOUND, reasons::TOKEN_SHORT],
    ),
    when(
        types::TOKEN_READY,
        "False",
        &[
            reasons::ROTATION_PENDING,
            reasons::SECRET_KEY_NOT_FOUND,
            reasons::SECRET_NOT_FOUND,
            reasons::TOKEN_EMPTY,
            reasons::TOKEN_INVALID,
            reasons::TOKEN_WEAK,
        ],
    ),
    when(
        types::IDENTITY_READY,
        "True",
        &[
            reasons::DIRECT_GRANT,
            reasons::IDENTITY_NOT_NEEDED,
            reasons::PROJECTED_TOKEN,
            reasons::SERVICE_ACCOUNT_ANNOTATED,
        ],
    ),
    when(
        types::IDENTITY_READY,
        "False",
        &[
            reasons::CONTESTED,
            reasons::FIELD_CONFLICT,
            reasons::NO_SERVICE_ACCOUNT,
            reasons::REJECTED,
            reasons::SERVICE_ACCOUNT_NOT_FOUND,
            reasons::SERVICE_ACCOUNT_SHARED,
        ],
    ),
    when(
        types::IDENTITY_READY,
        "Unknown",
        &[
            reasons::DEPLOYMENT_NOT_FOUND,
            reasons::DIRECT_GRANT,
            reasons::NOT_INJECTED,
            reasons::PROJECTED_TOKEN,
            reasons::SERVICE_ACCOUNT_ANNOTATED,
        ],
    ),
    when(types::INJECTED, "True", &[reasons::INJECTED]),
    when(
        types::INJECTED,
        "False",
        &[
            reasons::APPROVAL_PENDING,
            reasons::CONTAINER_CHANGE_PENDING,
            reasons::CONTAINER_NOT_FOUND,
            reasons::CONTESTED,
            reasons::DEPLOYMENT_NOT_FOUND,
            reasons::DEPLOYMENT_TERMINATING,
            reasons::FIELD_CONFLICT,
            reasons::FOREIGN_SIGNER,
            reasons::IDENTITY_NOT_READY,
            reasons::INVALID,
            reasons::KEY_NOT_FOUND,
            reasons::NOT_ACCEPTED,
            reasons::POD_REJECTED,
            reasons::PORT_CONFLICT,
            reasons::PROGRESSING,
            reasons::REJECTED,
            reasons::ROLLOUT_QUEUED,
            reasons::SERVICE_CONFLICT,
            reasons::SIGNER_ALTERED,
            reasons::SUSPENDED,
            reasons::TAKE_OVER_PENDING,
            reasons::TOKEN_NOT_READY,
            reasons::VOLUME_CONFLICT,
        ],
    ),
    when(
        types::ROLLED_OUT,
        "True",
        &[reasons::ROLLED_OUT, reasons::SCALED_TO_ZERO],
    ),
    when(
        types::ROLLED_OUT,
        "False",
        &[
            reasons::CONTAINER_WAITING,
            reasons::CRASH_LOOP_BACK_OFF,
            reasons::CREATE_CONTAINER_CONFIG_ERROR,
            reasons::CREATE_CONTAINER_ERROR,
            reasons::DEPLOYMENT_PAUSED,
            reasons::ERR_IMAGE_NEVER_PULL,
            reasons::HELD_FOR_SIGNER,
            reasons::IMAGE_PULL_BACK_OFF,
            reasons::INVALID_IMAGE_NAME,
            reasons::PODS_NOT_CREATED,
            reasons::PROGRESS_DEADLINE_EXCEEDED,
            reasons::PROGRESSING,
        ],
    ),
    when(types::ROLLED_OUT, "Unknown", &[reasons::NOT_INJECTED]),
    when(types::SIGNING, "True", &[reasons::SIGNING]),
    when(
        types::SIGNING,
        "False",
        &[
            reasons::BACKEND_DOWN,
            reasons::MISSING_CAPABILITY,
            reasons::OTHER_PUBLIC_KEY,
            reasons::UNEXPECTED_KEY,
            reasons::WRONG_TOKEN,
        ],
    ),
    when(
        types::SIGNING,
        "Unknown",
        &[
            reasons::NOT_ASKED,
            reasons::NOT_INJECTED,
            reasons::SCALED_TO_ZERO,
            reasons::UNREACHABLE,
        ],
    ),
    when(types::READY, "True", &[reasons::READY, reasons::SCALED_TO_ZERO]),
    when(types::READY, "False", &[reasons::PODS_NOT_READY]),
    when(types::RECONCILING, "True", &[]),
    when(types::RECONCILING, "False", &[reasons::SETTLED]),
    when(types::STALLED, "True", &[]),
    when(types::STALLED, "False", &[reasons::SETTLED]),
    when(types::UPDATE_AVAILABLE, "True", &[reasons::UPDATE_AVAILABLE]),
    when(types::UPDATE_AVAILABLE, "False", &[reasons::UP_TO_DATE]),
    when(types::UPDATE_AVAILABLE, "Unknown", &[reasons::NOT_INJECTED]),
];

/// Whether a condition may have this status and reason.
pub fn may_stand(condition: &str, status: &str, reason: &str) -> bool {
    let listed = |condition: &str, status: &str| {
        let mut rows = ALL.iter();
        rows.any(|row| row.condition == condition && row.status == status && row.reasons.contains(&reason))
    };
    match (condition, status) {
        (types::READY, "False") => types::STEPS.iter().any(|step| listed(step, "False")),
        (types::RECONCILING | types::STALLED, "True") => may_stand(types::READY, "False", reason),
        _ => listed(condition, status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_somewhere_and_every_condition_has_a_row() {
        for reason in reasons::ALL {
            // Used for a Deployment in status.targets, not in a condition.
            let is_of_a_target = *reason == reasons::NO_LONGER_SELECTED;
            let stands = ALL.iter().any(|row| row.reasons.contains(reason));
            assert_eq!(stands, !is_of_a_target, "{reason}");
        }
        let mut conditions: Vec<_> = ALL.iter().map(|row| row.condition).collect();
        conditions.dedup();
        assert_eq!(conditions, types::ALL);
        for row in &ALL {
            assert!(row.reasons.is_sorted(), "{} {}", row.condition, row.status);
        }
    }

    #[test]
    fn ready_takes_the_reason_of_the_step_that_fails() {
        assert!(may_stand(types::READY, "False", reasons::TOKEN_EMPTY));
        assert!(may_stand(types::STALLED, "True", reasons::FOREIGN_SIGNER));
        assert!(!may_stand(types::READY, "False", reasons::TOKEN_FOUND));
        assert!(!may_stand(types::RECONCILING, "False", reasons::PROGRESSING));
    }
}
