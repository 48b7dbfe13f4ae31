//! A refusal of the API server, as a reason.

use crds::conditions::reasons;
use kube::core::Status;

use crate::model::reason::Reason;

/// The refusal with the API server's own text.
pub fn rejected(status: &Status) -> Reason {
    Reason::new(
        reasons::REJECTED,
        format!("the API server refused the change: {}", status.message),
    )
}
