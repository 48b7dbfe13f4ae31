//! How a signing request ended, for metrics, health and the audit trail.

use std::time::Duration;

use super::{api::Api, error::ApiError};
use crate::{
    backend::{Effort, Signature},
    protocol::{Kind, Message, View},
    telemetry::{Decision, Outcome},
};

/// What is known of a signing request, and more and more of it.
#[derive(Debug)]
pub struct Record<T: Message> {
    /// The message, once it could be read.
    pub message: Option<T>,
    /// What is to be signed, once it was hashed.
    pub hash: Option<T::Hash>,
    /// What the signature took.
    pub effort: Effort,
}

impl<T: Message> Default for Record<T> {
    fn default() -> Self {
        Self {
            message: None,
            hash: None,
            effort: Effort::default(),
        }
    }
}

impl<T: Message> Record<T> {
    /// The request ended, this long after its head.
    pub fn close<B>(mut self, api: &Api<B>, result: &Result<Signature, ApiError>, duration: Duration) {
        if api.audit.is_on() && self.hash.is_none() {
            self.hash = self.message.as_ref().map(T::hash);
        }
        let ending = Ending {
            kind: T::KIND,
            message: self.message.as_ref().map(T::view),
            hash: self.hash.as_ref().map(AsRef::as_ref),
            effort: self.effort,
            duration,
        };
        ending.tell(api, result.as_ref().err());
    }
}

/// A request of which nobody read more than its head.
pub fn unread<B>(api: &Api<B>, kind: Kind, error: &ApiError, duration: Duration) {
    let ending = Ending {
        kind,
        message: None,
        hash: None,
        effort: Effort::default(),
        duration,
    };
    ending.tell(api, Some(error));
}

struct Ending<'a> {
    kind: Kind,
    message: Option<View<'a>>,
    hash: Option<&'a [u8]>,
    effort: Effort,
    duration: Duration,
}

impl Ending<'_> {
    fn tell<B>(self, api: &Api<B>, error: Option<&ApiError>) {
        let Self {
            kind,
            message,
            hash,
            effort,
            duration,
        } = self;
        let outcome = match error {
            None => Outcome::Signed,
            Some(error) if error.is_terminal() => Outcome::Refused,
            Some(_) => Outcome::Failed,
        };
        // Whoever has no token is not the node: what it asks for is no signing request of ours.
        if error == Some(&ApiError::Unauthorized) {
            api.audit.note_unauthorized();
            return;
        }
        api.metrics.count(kind, outcome, duration);
        api.audit.note(&Decision {
            kind,
            message,
            hash,
            outcome,
            reason: error.map(ApiError::reason),
            duration,
            effort,
        });
    }
}
