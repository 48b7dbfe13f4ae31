//! gRPC codes in the answers of Google's REST API.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

/// A gRPC error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Cancelled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 16] = [
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// Its name in `error.status`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "CANCELLED",
            Self::Unknown => "UNKNOWN",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Aborted => "ABORTED",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::DataLoss => "DATA_LOSS",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }

    /// The HTTP status, from the comments of `google/rpc/code.proto`.
    pub const fn http(self) -> u16 {
        match self {
            Self::InvalidArgument | Self::FailedPrecondition | Self::OutOfRange => 400,
            Self::Unauthenticated => 401,
            Self::PermissionDenied => 403,
            Self::NotFound => 404,
            Self::AlreadyExists | Self::Aborted => 409,
            Self::ResourceExhausted => 429,
            Self::Cancelled => 499,
            Self::Unknown | Self::Internal | Self::DataLoss => 500,
            Self::Unimplemented => 501,
            Self::Unavailable => 503,
            Self::DeadlineExceeded => 504,
        }
    }

    /// Google's known text for some codes, and the text of `code.proto` for the others.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Cancelled => "The operation was cancelled.",
            Self::Unknown => "Unknown error.",
            Self::InvalidArgument => "Request contains an invalid argument.",
            Self::DeadlineExceeded => "Deadline expired before operation could complete.",
            Self::NotFound => "Requested entity was not found.",
            Self::AlreadyExists => "Requested entity already exists.",
            Self::PermissionDenied => "The caller does not have permission",
            Self::ResourceExhausted => {
                "Quota exceeded for quota metric 'Cryptographic requests' and limit 'Cryptographic requests per minute' \
                 of service 'cloudkms.googleapis.com'."
            }
            Self::FailedPrecondition => "Precondition check failed.",
            Self::Aborted => "The operation was aborted.",
            Self::OutOfRange => "The operation was attempted past the valid range.",
            Self::Unimplemented => "Operation is not implemented, or supported, or enabled.",
            Self::Internal => "Internal error encountered.",
            Self::Unavailable => "The service is currently unavailable.",
            Self::DataLoss => "Unrecoverable data loss or corruption.",
            Self::Unauthenticated => {
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other \
                 valid authentication credential."
            }
        }
    }

    /// The error envelope.
    pub fn response(self, message: &str, details: &Value) -> Response<Full<Bytes>> {
        let mut error = json!({ "code": self.http(), "message": message, "status": self.name() });
        if !details.is_null() {
            error["details"] = json!([details]);
        }
        let status = StatusCode::from_u16(self.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        respond(status, &json!({ "error": error }))
    }
}

/// Any JSON, with the headers of Google's API.
pub fn respond(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=UTF-8"),
    );
    headers.insert("server", HeaderValue::from_static("ESF"));
    response
}
