use std::time::Duration;

use crate::{
    backend::Effort,
    protocol::{Kind, View},
    telemetry::labels::{Outcome, Reason},
};

/// How a signing request ended.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// The kind of the requested message.
    pub kind: Kind,
    /// The message, if it could be read.
    pub message: Option<View<'a>>,
    /// The hash to sign, if the message could be read.
    pub hash: Option<&'a [u8]>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was not signed.
    pub reason: Option<Reason>,
    /// From the request's head to its answer.
    pub duration: Duration,
    /// The effort for this decision.
    pub effort: Effort,
}
