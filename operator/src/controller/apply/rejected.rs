//! A refusal of the API server, as a reason.

use crds::conditions::reasons;
use kube::core::Status;

use super::conflict;
use crate::model::error::{Error, refuses};
use crate::model::reason::Reason;

/// The refusal with the API server's own text.
pub fn rejected(status: &Status) -> Reason {
    Reason::new(
        reasons::REJECTED,
        format!("The API server refused the change: {}", status.message),
    )
}

/// What became of a write of `what`, on this object, that failed even with force, or that may not be forced any more.
///
/// # Errors
/// The error, where the API server has neither refused the write nor named a field of somebody else.
pub fn or_contested(error: Error, object: &'static str, what: &str) -> Result<Result<(), Reason>, Error> {
    match error.response() {
        Some(status) if refuses(status) => Ok(Err(rejected(status))),
        Some(status) if status.is_conflict() => {
            let conflicts = conflict::conflicts(status);
            if conflicts.is_empty() {
                return Err(Error::Changed(object));
            }
            Ok(Err(conflict::contested(what, &conflicts)))
        }
        _ => Err(error),
    }
}
