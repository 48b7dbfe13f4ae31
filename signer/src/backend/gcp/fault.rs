//! From the client's errors to causes.

use google_cloud_gax::error::{Error, rpc::Code};

use crate::backend::{
    chain::chain,
    fault::{Cause, Fault},
};

/// What an error of the client means.
pub fn classify(error: &Error) -> Fault {
    let cause = cause(error);
    let text = error
        .status()
        .map_or_else(|| chain(error), |status| status.message.clone());
    Fault::new(cause, if text.is_empty() { "no message".to_owned() } else { text })
}

fn cause(error: &Error) -> Cause {
    if error.is_authentication() {
        Cause::Credentials
    } else if let Some(status) = error.status() {
        from_code(status.code)
    } else if let Some(status) = error.http_status_code() {
        from_http(status)
    } else if error.is_timeout() {
        Cause::Timeout
    } else if error.is_deserialization() {
        Cause::Check
    } else if error.is_io() || error.is_connect() || error.is_transport() {
        Cause::Io
    } else {
        Cause::Other
    }
}

const fn from_code(code: Code) -> Cause {
    match code {
        Code::InvalidArgument => Cause::InvalidArgument,
        Code::FailedPrecondition => Cause::FailedPrecondition,
        Code::NotFound => Cause::NotFound,
        Code::PermissionDenied => Cause::PermissionDenied,
        Code::Unauthenticated => Cause::Unauthenticated,
        Code::ResourceExhausted => Cause::ResourceExhausted,
        Code::Aborted => Cause::Aborted,
        Code::DeadlineExceeded => Cause::DeadlineExceeded,
        Code::Internal => Cause::Internal,
        Code::Unavailable => Cause::Unavailable,
        _ => Cause::Other,
    }
}

/// For answers that are not from KMS itself but from something in front of it.
const fn from_http(status: u16) -> Cause {
    match status {
        400 => Cause::InvalidArgument,
        401 => Cause::Unauthenticated,
        403 => Cause::PermissionDenied,
        404 => Cause::NotFound,
        409 => Cause::Aborted,
        429 => Cause::ResourceExhausted,
        500 => Cause::Internal,
        502 | 503 => Cause::Unavailable,
        504 => Cause::DeadlineExceeded,
        _ => Cause::Other,
    }
}

/// An answer that does not add up.
pub fn failed_check(text: String) -> Fault {
    Fault::new(Cause::Check, text)
}

/// There is no token, so KMS was not asked.
pub fn without_credentials(error: &dyn std::error::Error) -> Fault {
    Fault::new(Cause::Credentials, chain(error))
}

#[cfg(test)]
mod tests {
    use google_cloud_gax::error::{CredentialsError, rpc::Status};

    use super::*;

    #[test]
    fn every_code_has_its_cause() {
        let codes = [
            (Code::Unavailable, Cause::Unavailable),
            (Code::PermissionDenied, Cause::PermissionDenied),
            (Code::ResourceExhausted, Cause::ResourceExhausted),
            (Code::OutOfRange, Cause::Other),
        ];
        for (code, cause) in codes {
            let error = Error::service(Status::default().set_code(code).set_message("said so"));
            assert_eq!(classify(&error), Fault::new(cause, "said so"));
        }
        let http = Error::http(503, http::HeaderMap::new(), bytes::Bytes::new());
        assert_eq!(classify(&http).cause, Cause::Unavailable);
        let credentials = Error::authentication(CredentialsError::from_msg(false, "no token"));
        assert_eq!(classify(&credentials).cause, Cause::Credentials);
        assert_eq!(classify(&Error::io("refused")).cause, Cause::Io);
    }
}
