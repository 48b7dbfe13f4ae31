//! What can go wrong in a reconcile and is worth another try.

use std::time::Duration;

use kube::core::Status;
use thiserror::Error;

/// A reconcile that did not come to its end.
#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot {attempt}: {source}")]
    Request {
        attempt: &'static str,
        #[source]
        source: Box<kube::Error>,
    },
    #[error("cannot {attempt}: no answer from the API server within {seconds} s")]
    Deadline { attempt: &'static str, seconds: u64 },
    #[error("cannot encode an object: {0}")]
    Encode(#[source] serde_json::Error),
    #[error("the list of SignerBindings is not there yet: {0}")]
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

/// Whoever asks for more is asked again all the same: what stands in front of an API server may say anything.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

const FIELD: &str = "field";
const OBJECT: &str = "object";

impl Error {
    /// All that [`Self::category`] says.
    pub const CATEGORIES: [&'static str; 6] = [REQUEST, DEADLINE, ENCODE, NOT_SYNCED, CHANGED, UNDECODABLE];

    /// All that [`Self::conflict`] says.
    pub const CONFLICTS: [&'static str; 2] = [FIELD, OBJECT];

    /// A finite name for metrics.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Request { .. } => REQUEST,
            Self::Deadline { .. } => DEADLINE,
            Self::Encode(_) => ENCODE,
            Self::NotSynced(_) => NOT_SYNCED,
            Self::Changed(_) => CHANGED,
            Self::Undecodable(..) => UNDECODABLE,
        }
    }

    /// What the API server answered, if it answered.
    pub fn response(&self) -> Option<&Status> {
        match self {
            Self::Request { source, .. } => match &**source {
                kube::Error::Api(status) => Some(status),
                _ => None,
            },
            _ => None,
        }
    }

    /// After how long the API server wants to be asked again, if it says.
    pub fn retry_after(&self) -> Option<Duration> {
        self.response().and_then(retry_after)
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

    /// What a conflict is about, as a finite name for metrics: a field that another manager holds, or an object that
    /// changed or went in the meantime.
    pub fn conflict(&self) -> Option<&'static str> {
        let status = self.response().filter(|status| status.is_conflict())?;
        let mut causes = status.details.iter().flat_map(|details| &details.causes);
        let is_of_a_field = causes.any(|cause| cause.reason == "FieldManagerConflict");
        Some(if is_of_a_field { FIELD } else { OBJECT })
    }
}

/// After how long the API server wants to be asked again, if it says.
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
}
