//! Turns a refusal of the API server into a reason.

use crds::conditions::reasons;
use kube::core::Status;

use super::conflict;
use crate::model::error::{Error, refuses};
use crate::model::reason::Reason;

/// The refusal with the API server's message.
pub fn rejected(status: &Status) -> Reason {
    Reason::new(
        reasons::REJECTED,
        format!("The API server refused the change: {}", status.message),
    )
}

/// The reason for a failed write of `what` to this object that failed even with force, or may no longer be forced.
///
/// # Errors
/// The error, if the API server neither refused the write nor named another manager's field.
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
