//! Errors of the API port, and their status codes.
//!
//! A voter node repeats a request only after 408 and 429. Therefore a request that would fail again gets one of the terminal
//! status codes here, and everything else 429.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use super::json::Invalid;
use crate::{
    backend::BackendError,
    policy::{Refusal, Rule},
    telemetry::{ClientFault, Outcome, Reason, Verdict},
};

/// Why a request was not answered as requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// A missing or wrong token. The answer gives no reason.
    Unauthorized,
    /// The body is invalid for the path.
    Invalid(Invalid),
    /// The policy refuses the message.
    Refused(Refusal),
    /// No such path.
    NotFound,
    /// The path requires another method.
    MethodNotAllowed(&'static str),
    /// The client does not accept JSON.
    NotAcceptable,
    /// The body is too long.
    TooLarge,
    /// The content type of the body is not JSON.
    UnsupportedMediaType,
    /// The body did not arrive in time, or the client stopped sending.
    Incomplete,
    /// The request can be repeated.
    Retry(Code),
}

/// Why the same request should be repeated later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The key could not be used.
    BackendUnavailable,
    /// No result within the client's time limit.
    Deadline,
    /// Too many signatures are waiting.
    Overloaded,
    /// The signer is shutting down.
    Draining,
    /// A defect of the signer.
    Internal,
}

impl From<&BackendError> for Code {
    fn from(error: &BackendError) -> Self {
        match error {
            BackendError::Sign
            | BackendError::Random
            | BackendError::Mismatch
            | BackendError::Differs
            | BackendError::Fault(_)
            | BackendError::Broken => Self::BackendUnavailable,
            BackendError::Deadline(_) => Self::Deadline,
            BackendError::Overloaded => Self::Overloaded,
        }
    }
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 5] = [
        Self::BackendUnavailable,
        Self::Deadline,
        Self::Overloaded,
        Self::Draining,
        Self::Internal,
    ];

    /// The name, as in the field `code`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BackendUnavailable => "BACKEND_UNAVAILABLE",
            Self::Deadline => "DEADLINE",
            Self::Overloaded => "OVERLOADED",
            Self::Draining => "DRAINING",
            Self::Internal => "INTERNAL",
        }
    }

    /// The message for people.
    pub const fn message(self) -> &'static str {
        match self {
            Self::BackendUnavailable => "The key cannot be used at the moment. Try again.",
            Self::Deadline => "The key did not sign in time. Try again: the signer still waits for the signature.",
            Self::Overloaded => "Too many signatures are pending. Try again.",
            Self::Draining => "The signer is shutting down. Try again.",
            Self::Internal => "The signer has a defect, and its log has the details. Try again.",
        }
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

impl ApiError {
    /// The status.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Invalid(_) | Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Incomplete => StatusCode::REQUEST_TIMEOUT,
            Self::Retry(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Whether the client will not retry.
    const fn is_terminal(&self) -> bool {
        !matches!(self, Self::Incomplete | Self::Retry(_))
    }

    /// The outcome of a signing request with this error.
    pub const fn outcome(&self) -> Outcome {
        if self.is_terminal() {
            Outcome::Refused
        } else {
            Outcome::Failed
        }
    }

    /// The label in the metrics.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Unauthorized => Reason::WrongToken,
            Self::Invalid(_) => Reason::Invalid,
            Self::Refused(Refusal::MissingCapability(_)) => Reason::MissingCapability,
            Self::Refused(Refusal::OtherPublicKey(_)) => Reason::OtherPublicKey,
            Self::Refused(Refusal::Rule(rule)) => match rule {
                Rule::Networks => Reason::PolicyNetworks,
                Rule::BlockTypes => Reason::PolicyBlockTypes,
                Rule::MaxAmountPerSend => Reason::PolicyMaxAmountPerSend,
                Rule::AllowedReceivers => Reason::PolicyAllowedReceivers,
                Rule::Representative => Reason::PolicyRepresentative,
                Rule::VoteTimeWindow => Reason::PolicyVoteTimeWindow,
                Rule::ChallengeUriPrefix => Reason::PolicyChallengeUriPrefix,
            },
            Self::NotFound => Reason::NotFound,
            Self::MethodNotAllowed(_) => Reason::MethodNotAllowed,
            Self::NotAcceptable => Reason::NotAcceptable,
            Self::TooLarge => Reason::TooLarge,
            Self::UnsupportedMediaType => Reason::UnsupportedMediaType,
            Self::Incomplete => Reason::Incomplete,
            Self::Retry(Code::BackendUnavailable) => Reason::BackendUnavailable,
            Self::Retry(Code::Deadline) => Reason::Deadline,
            Self::Retry(Code::Overloaded) => Reason::Overloaded,
            Self::Retry(Code::Draining) => Reason::Draining,
            Self::Retry(Code::Internal) => Reason::Internal,
        }
    }

    /// Whether the client has a wrong setting.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Unauthorized => Verdict::Fault(ClientFault::WrongToken),
            Self::Refused(Refusal::MissingCapability(_)) => Verdict::Fault(ClientFault::MissingCapability),
            Self::Refused(Refusal::OtherPublicKey(_)) => Verdict::Fault(ClientFault::OtherPublicKey),
            _ => Verdict::Other,
        }
    }

    /// The answer.
    pub fn into_response(self) -> Response<Full<Bytes>> {
        let status = self.status();
        let body = match &self {
            Self::Unauthorized => Bytes::new(),
            Self::Invalid(invalid) => problem(&invalid.to_string(), None),
            Self::Refused(refusal) => problem(&refusal.to_string(), None),
            Self::NotFound => problem(
                "No such path. The paths are /public-keys, /blocks, /votes and /challenges.",
                None,
            ),
            Self::MethodNotAllowed(allowed) => problem(&format!("This path accepts {allowed} only."), None),
            Self::NotAcceptable => problem("Accept: expected one that includes application/json.", None),
            Self::TooLarge => problem("body: found more than 65536 bytes, expected at most 65536.", None),
            Self::UnsupportedMediaType => problem("Content-Type: expected application/json.", None),
            Self::Incomplete => problem(
                "body: found an incomplete body, expected the whole body within 2 s.",
                None,
            ),
            Self::Retry(code) => problem(code.message(), Some(code.name())),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if self != Self::Unauthorized {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        match self {
            Self::MethodNotAllowed(allowed) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            Self::Incomplete => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Self::Retry(_) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

fn problem(message: &str, code: Option<&'static str>) -> Bytes {
    serde_json::to_vec(&Problem { message, code }).map_or_else(|_| Bytes::new(), Bytes::from)
}
