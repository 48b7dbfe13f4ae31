//! Failures of a backend that is not in this process.

use std::{fmt, sync::Arc};

use thiserror::Error;

use crate::one_line::{MAX_LENGTH, cut, one_line};

/// The kind of failure: the code of Google's API if the backend answered, otherwise a description of the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No connection, or a broken one.
    Io,
    /// No answer in time.
    Timeout,
    /// An inconsistent answer: a wrong checksum, name or signature.
    Check,
    /// No credentials, so no request was sent.
    Credentials,
    /// `INVALID_ARGUMENT`
    InvalidArgument,
    /// `FAILED_PRECONDITION`: most often the state of the key.
    FailedPrecondition,
    /// `NOT_FOUND`
    NotFound,
    /// `PERMISSION_DENIED`
    PermissionDenied,
    /// `UNAUTHENTICATED`
    Unauthenticated,
    /// `RESOURCE_EXHAUSTED`: a quota.
    ResourceExhausted,
    /// `ABORTED`
    Aborted,
    /// `DEADLINE_EXCEEDED`
    DeadlineExceeded,
    /// `INTERNAL`
    Internal,
    /// `UNAVAILABLE`
    Unavailable,
    /// Any other code.
    Other,
}

/// Whether a failed attempt is repeated for the same hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// While a client requests the hash.
    Yes,
    /// The second equal failure is the last.
    Once,
    /// Not before the next request.
    No,
}

impl Cause {
    /// All causes, in the order of their discriminants.
    pub const ALL: [Self; 15] = [
        Self::Io,
        Self::Timeout,
        Self::Check,
        Self::Credentials,
        Self::InvalidArgument,
        Self::FailedPrecondition,
        Self::NotFound,
        Self::PermissionDenied,
        Self::Unauthenticated,
        Self::ResourceExhausted,
        Self::Aborted,
        Self::DeadlineExceeded,
        Self::Internal,
        Self::Unavailable,
        Self::Other,
    ];

    /// The name in metrics, logs and health.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Io => "IO",
            Self::Timeout => "TIMEOUT",
            Self::Check => "CHECK",
            Self::Credentials => "CREDENTIALS",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::NotFound => "NOT_FOUND",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::Aborted => "ABORTED",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::Other => "OTHER",
        }
    }

    /// The cause for an HTTP status from a server in front of the backend.
    pub const fn from_http(status: u16) -> Self {
        match status {
            400 => Self::InvalidArgument,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::NotFound,
            409 => Self::Aborted,
            429 => Self::ResourceExhausted,
            500 => Self::Internal,
            502 | 503 => Self::Unavailable,
            504 => Self::DeadlineExceeded,
            _ => Self::Other,
        }
    }

    /// Whether the same hash is sent again.
    pub const fn again(self) -> Again {
        match self {
            Self::Io
            | Self::Timeout
            | Self::Check
            | Self::Credentials
            | Self::Aborted
            | Self::DeadlineExceeded
            | Self::Internal
            | Self::Unavailable => Again::Yes,
            Self::InvalidArgument => Again::Once,
            Self::FailedPrecondition
            | Self::NotFound
            | Self::PermissionDenied
            | Self::Unauthenticated
            | Self::ResourceExhausted
            | Self::Other => Again::No,
        }
    }

    /// Whether the failure means that the backend is broken. Slowness, a quota and a single bad request do not.
    pub const fn opens_breaker(self) -> bool {
        !matches!(self, Self::Timeout | Self::ResourceExhausted | Self::InvalidArgument)
    }
}

/// A failed call to a backend. The text is for the log and for health, never for a client.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct Fault {
    /// The kind of failure.
    pub cause: Cause,
    text: Arc<str>,
}

impl Fault {
    /// A failed call. Keeps one line of at most 300 characters of a text from outside, such as the error page of a proxy.
    pub fn new(cause: Cause, text: impl AsRef<str>) -> Self {
        Self {
            cause,
            text: one_line(text.as_ref()).into(),
        }
    }

    /// A description of the failure: one line of at most 300 characters.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// This failure with a note in brackets. A long text is shortened to make room.
    #[must_use]
    pub fn with_note(&self, note: &str) -> Self {
        let note = format!(" ({})", cut(note, MAX_LENGTH / 2));
        let room = MAX_LENGTH - note.chars().count();
        Self::new(self.cause, cut(&self.text, room) + &note)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.cause.name(), self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_stand_in_the_order_of_their_discriminants() {
        for (index, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, index, "{}", cause.name());
        }
    }

    #[test]
    fn whatever_a_fault_is_made_of_it_is_one_short_line() {
        let page = format!("<html>\n2026-01-01T00:00:00Z  INFO forged{}", "x".repeat(200_000));
        let fault = Fault::new(Cause::Unavailable, &page);
        assert!(
            fault.text().starts_with("<html> 2026-01-01T00:00:00Z INFO forged"),
            "{fault}"
        );
        let noted = fault.with_note(&format!("asked as\r{}@p", "y".repeat(20)));
        assert!(noted.text().ends_with("x (asked as yyyyyyyyyyyyyyyyyyyy@p)"), "{noted}");
        let long = fault.with_note(&page);
        for fault in [fault, noted, long] {
            assert_eq!(fault.text().chars().count(), MAX_LENGTH);
            assert!(!fault.to_string().contains(char::is_control), "{fault}");
        }
    }
}
