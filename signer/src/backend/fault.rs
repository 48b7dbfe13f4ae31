//! What can go wrong at a backend that is not in this process.

use std::{borrow::Cow, fmt};

use thiserror::Error;

/// What kind of trouble it was: the code of Google's API where the backend answered, otherwise what happened instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No connection, or a broken one.
    Io,
    /// No answer in time.
    Timeout,
    /// An answer that does not add up: a checksum, a name, a signature.
    Check,
    /// No credentials, so the backend was not asked.
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

/// Whether an attempt that failed is made again for the same hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// While somebody asks for the hash.
    Yes,
    /// The second time it fails alike is the last.
    Once,
    /// Not until somebody asks anew.
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

    /// Whether it says that the backend is broken: slowness, a quota and one bad request do not.
    pub const fn opens_breaker(self) -> bool {
        !matches!(self, Self::Timeout | Self::ResourceExhausted | Self::InvalidArgument)
    }
}

/// A call to a backend that failed. The text is for the log and for health, never for a client.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct Fault {
    /// What kind of trouble.
    pub cause: Cause,
    /// What was found, in words.
    pub text: Cow<'static, str>,
}

impl Fault {
    /// A failed call.
    pub fn new(cause: Cause, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            cause,
            text: text.into(),
        }
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
}
