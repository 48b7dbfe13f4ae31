//! Records how a signing request ended, for metrics, health and the audit trail.

use std::{thread, time::Duration};

use tokio::time::Instant;

use super::{api::Api, error::ApiError};
use crate::{
    backend::{Backend, Effort, Signature},
    policy::Authorized,
    protocol::{Kind, Message, View},
    telemetry::{Decision, Outcome, Reason, Verdict},
};

/// The collected facts about a signing request. If it is dropped before it is closed, no answer was sent: the client closed the
/// connection, and the key may sign anyway.
pub struct Record<'a, B: Backend, T: Message> {
    api: &'a Api<B>,
    start: Instant,
    is_open: bool,
    has_arrived: bool,
    denied: Option<T>,
    allowed: Option<Authorized<T>>,
    hash: Option<T::Hash>,
    effort: Effort,
}

impl<'a, B: Backend, T: Message> Record<'a, B, T> {
    /// For a request whose head arrived at `start`.
    pub fn new(api: &'a Api<B>, start: Instant) -> Self {
        Self {
            api,
            start,
            is_open: true,
            has_arrived: false,
            denied: None,
            allowed: None,
            hash: None,
            effort: Effort::default(),
        }
    }

    /// The whole body has arrived.
    pub const fn arrived(&mut self) {
        self.has_arrived = true;
    }

    /// The policy refuses this message.
    pub fn denied(&mut self, message: T) {
        self.denied = Some(message);
    }

    /// The policy allows this message, which will be signed now.
    pub fn allowed(&mut self, message: Authorized<T>) -> &Authorized<T> {
        self.allowed.insert(message)
    }

    /// The backend has answered for this hash.
    pub fn tried(&mut self, hash: T::Hash, effort: Effort) {
        self.hash = Some(hash);
        self.effort = effort;
    }

    /// The request gets this answer.
    pub fn close(mut self, result: &Result<Signature, ApiError>) {
        match result {
            Ok(_) => self.end(Outcome::Signed, None, Verdict::Other),
            Err(error) => self.end(error.outcome(), Some(error.reason()), error.verdict()),
        }
    }

    fn end(&mut self, outcome: Outcome, reason: Option<Reason>, verdict: Verdict) {
        self.is_open = false;
        let now = Instant::now();
        let allowed = self.allowed.as_ref().map(Authorized::message);
        let message = allowed.or(self.denied.as_ref());
        if self.api.audit.is_on() && self.hash.is_none() {
            self.hash = message.map(T::hash);
            // The client no longer waits for the backend, which may still work on it.
            if let (Some(hash), Some(_)) = (&self.hash, allowed) {
                self.effort = self.api.service.effort(hash);
            }
        }
        let ending = Ending {
            kind: T::KIND,
            message: message.map(T::view),
            hash: self.hash.as_ref().map(AsRef::as_ref),
            outcome,
            reason,
            effort: self.effort,
        };
        ending.tell(self.api, now - self.start);
        self.api.health.note(T::KIND, verdict, now.into_std());
    }
}

impl<B: Backend, T: Message> Drop for Record<'_, B, T> {
    fn drop(&mut self) {
        // After a panic, the code that catches it answers and records the end.
        if !self.is_open || thread::panicking() {
            return;
        }
        let reason = if self.has_arrived {
            Reason::ClientGone
        } else {
            Reason::Incomplete
        };
        self.api.metrics.refuse(reason);
        self.end(Outcome::Failed, Some(reason), Verdict::Other);
    }
}

/// A request whose body was not read.
pub fn unread<B>(api: &Api<B>, kind: Kind, error: &ApiError, start: Instant) {
    let ending = Ending {
        kind,
        message: None,
        hash: None,
        outcome: error.outcome(),
        reason: Some(error.reason()),
        effort: Effort::default(),
    };
    ending.tell(api, start.elapsed());
}

struct Ending<'a> {
    kind: Kind,
    message: Option<View<'a>>,
    hash: Option<&'a [u8]>,
    outcome: Outcome,
    reason: Option<Reason>,
    effort: Effort,
}

impl Ending<'_> {
    fn tell<B>(self, api: &Api<B>, duration: Duration) {
        let Self {
            kind,
            message,
            hash,
            outcome,
            reason,
            effort,
        } = self;
        if outcome == Outcome::Signed {
            api.metrics.latencies.note(duration, effort.backend);
        }
        // A client without the token is not the node, so this does not count as a signing request.
        if reason == Some(Reason::WrongToken) {
            api.audit.note_unauthorized();
            return;
        }
        api.metrics.count(kind, outcome, duration);
        api.audit.note(&Decision {
            kind,
            message,
            hash,
            outcome,
            reason,
            duration,
            effort,
        });
    }
}
