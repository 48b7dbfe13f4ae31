//! Errors of a reconcile that a retry may solve.

use std::time::Duration;

use kube::core::Status;
use thiserror::Error;

/// A reconcile that could not finish.
#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot {attempt}: {source}")]
    Request {
        attempt: &'static str,
        #[source]
        source: Box<kube::Error>,
    },
    /// The API server gave this answer recently, and the request is not repeated yet.
    #[error("cannot {attempt}: {source}")]
    Paused {
        attempt: &'static str,
        #[source]
        source: Box<kube::Error>,
        left: Duration,
    },
    #[error("cannot {attempt}: no answer from the API server within {seconds} s")]
    Deadline { attempt: &'static str, seconds: u64 },
    #[error("cannot encode an object: {0}")]
    Encode(#[source] serde_json::Error),
    #[error("the list of SignerBindings is not available yet: {0}")]
    NotSynced(#[source] kube::runtime::reflector::store::WriterDropped),
    #[error("{0} changed while it was being written")]
    Changed(&'static str),
    #[error("{0}: the object is not a SignerBinding: {1}")]
    Undecodable(String, String),
}

const REQUEST: &str = "request";
const DEADLINE: &str = "deadline";
const ENCODE: &str = "encode";
const NOT_SYNCED: &str = "not_synced";
const CHANGED: &str = "changed";
const UNDECODABLE: &str = "undecodable";

/// A longer wait is cut to this, because a proxy in front of the API server may send any value.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

const FIELD: &str = "field";
const OBJECT: &str = "object";

impl Error {
    /// All values of [`Self::category`].
    pub const CATEGORIES: [&'static str; 6] = [REQUEST, DEADLINE, ENCODE, NOT_SYNCED, CHANGED, UNDECODABLE];

    /// All values of [`Self::conflict`].
    pub const CONFLICTS: [&'static str; 2] = [FIELD, OBJECT];

    /// A name from a finite set, for metrics.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Request { .. } | Self::Paused { .. } => REQUEST,
            Self::Deadline { .. } => DEADLINE,
            Self::Encode(_) => ENCODE,
            Self::NotSynced(_) => NOT_SYNCED,
            Self::Changed(_) => CHANGED,
            Self::Undecodable(..) => UNDECODABLE,
        }
    }

    /// The API server's answer, if there is one.
    pub fn response(&self) -> Option<&Status> {
        match self {
            Self::Request { source, .. } | Self::Paused { source, .. } => match &**source {
                kube::Error::Api(status) => Some(status),
                _ => None,
            },
            _ => None,
        }
    }

    /// The answer of an API server, or of one of its policies, that refuses this object.
    pub fn refusal(&self) -> Option<&Status> {
        self.response().filter(|status| refuses(status))
    }

    /// The wait before the next request, if the API server or a pause demands one.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Paused { left, .. } => Some(*left),
            _ => self.response().and_then(retry_after),
        }
    }

    /// Whether the request was not sent because the same was refused recently.
    pub fn is_paused(&self) -> bool {
        matches!(self, Self::Paused { .. })
    }

    pub fn is_not_found(&self) -> bool {
        self.response().is_some_and(Status::is_not_found)
    }

    pub fn is_forbidden(&self) -> bool {
        self.response().is_some_and(Status::is_forbidden)
    }

    pub fn is_conflict(&self) -> bool {
        self.response().is_some_and(Status::is_conflict)
    }

    /// The cause of a conflict, from a finite set, for metrics: a field of another manager, or an object that changed or was
    /// deleted in the meantime.
    pub fn conflict(&self) -> Option<&'static str> {
        let status = self.response().filter(|status| status.is_conflict())?;
        let mut causes = status.details.iter().flat_map(|details| &details.causes);
        let is_of_a_field = causes.any(|cause| cause.reason == "FieldManagerConflict");
        Some(if is_of_a_field { FIELD } else { OBJECT })
    }
}

/// Whether the API server, or one of its policies or webhooks, refuses this object, and is not merely overloaded. A policy
/// chooses its status code from a few, a webhook from all. An unavailable webhook is a 500.
pub fn refuses(status: &Status) -> bool {
    match status.code {
        401 => status.message.contains("denied"),
        404 | 408 | 409 | 429 => false,
        400..500 => true,
        500 => status.message.contains("webhook"),
        _ => false,
    }
}

/// The wait that the API server demands, if any.
pub fn retry_after(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(seconds.into()).min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_conflict_is_told_apart_by_its_cause_and_nothing_else_is_one() {
        let answered = |status: serde_json::Value| Error::Request {
            attempt: "write",
            source: Box::new(kube::Error::Api(serde_json::from_value(status).unwrap())),
        };
        let causes =
            json!({"causes": [{"reason": "FieldManagerConflict", "field": ".spec", "message": "conflict with \"x\""}]});
        let of = |error: Error| error.conflict();
        let status = |code: u16, reason: &str, details: serde_json::Value| json!({"status": "Failure", "code": code, "reason": reason, "message": "", "details": details});
        assert_eq!(of(answered(status(409, "Conflict", causes.clone()))), Some("field"));
        assert_eq!(of(answered(status(409, "Conflict", json!({})))), Some("object"));
        assert_eq!(of(answered(status(422, "Invalid", causes))), None);
        assert_eq!(of(Error::Changed("it")), None);
    }

    #[test]
    fn a_refusal_has_the_code_that_a_policy_or_webhook_chose() {
        let is_refused = |code: u16, message: &str| refuses(&Status::failure(message, "").with_code(code));
        for code in [400, 403, 405, 413, 418, 422] {
            assert!(is_refused(code, ""), "{code}");
        }
        for code in [404, 409, 429, 500, 503, 504] {
            assert!(!is_refused(code, ""), "{code}");
        }
        assert!(
            is_refused(401, "ValidatingAdmissionPolicy 'p' denied request: no") && !is_refused(401, "Unauthorized")
        );
        assert!(is_refused(500, "Internal error occurred: failed calling webhook \"x\""));
    }
}
