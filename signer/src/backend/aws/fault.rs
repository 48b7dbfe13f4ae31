//! Maps the SDK's errors to causes. KMS answers nearly every failure with HTTP 400, so the type of the error decides.

use std::error::Error;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{
    backend::{
        chain::chain,
        fault::{Cause, Fault},
    },
    one_line::one_line,
};

/// The content of an SDK error.
#[derive(Debug, PartialEq, Eq)]
pub struct Heard {
    /// The cause, for a call to KMS.
    pub cause: Cause,
    /// AWS' error type, if AWS sent one.
    pub code: Option<String>,
    /// The message, which may contain secrets.
    pub text: String,
}

/// The content of an SDK error, for any call.
pub fn hear<E>(error: &SdkError<E, HttpResponse>) -> Heard
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let without_code = |cause, text| Heard {
        cause,
        code: None,
        text,
    };
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            match answer.err().code() {
                Some(code) => Heard {
                    cause: from_code(code).unwrap_or_else(|| from_unknown(status)),
                    code: Some(code.to_owned()),
                    text: format!("{code}: {}", answer.err().message().unwrap_or("no message")),
                },
                // The SDK reports an unreadable answer as an error.
                None if answer.raw().status().is_success() => without_code(Cause::Check, not_of_aws(answer.raw())),
                None => without_code(from_http(status), not_of_aws(answer.raw())),
            }
        }
        SdkError::ResponseError(answer) => without_code(Cause::Check, not_of_aws(answer.raw())),
        SdkError::TimeoutError(_) => without_code(Cause::Timeout, chain(error)),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => without_code(Cause::Timeout, chain(error)),
        SdkError::DispatchFailure(failure) if failure.is_io() => without_code(Cause::Io, chain(error)),
        _ => without_code(Cause::Other, chain(error)),
    }
}

/// The error types of KMS, then those of every AWS service. Sources: the API reference of KMS (`Sign`, `GetPublicKey`, Common
/// Errors), and the errors that the SDK retries as throttling.
fn from_code(code: &str) -> Option<Cause> {
    Some(match code {
        "DisabledException"
        | "KMSInvalidStateException"
        | "InvalidKeyUsageException"
        | "UnsupportedOperationException" => Cause::FailedPrecondition,
        "NotFoundException" => Cause::NotFound,
        "KeyUnavailableException" | "ServiceUnavailable" | "ServiceUnavailableException" => Cause::Unavailable,
        "DependencyTimeoutException" | "RequestTimeout" | "RequestTimeoutException" => Cause::DeadlineExceeded,
        "KMSInternalException"
        | "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "InternalServerException"
        | "InternalServiceError"
        | "InternalServiceException" => Cause::Internal,
        // The signer never sets this option, so the request was changed on its way.
        "DryRunOperationException" => Cause::Check,
        "ValidationException"
        | "ValidationError"
        | "InvalidArnException"
        | "InvalidGrantTokenException"
        | "InvalidParameterCombination"
        | "InvalidParameterValue"
        | "InvalidQueryParameter"
        | "MalformedHttpRequestException"
        | "MalformedQueryString"
        | "MissingAction"
        | "MissingParameter"
        | "InvalidAction"
        | "RequestEntityTooLargeException"
        | "SerializationException"
        | "UnknownOperationException" => Cause::InvalidArgument,
        "AccessDenied"
        | "AccessDeniedException"
        | "NotAuthorized"
        | "OptInRequired"
        | "SubscriptionRequiredException"
        | "UnauthorizedOperation" => Cause::PermissionDenied,
        "AuthFailure"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidIdentityToken"
        | "InvalidSignatureException"
        | "InvalidToken"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "RequestExpired"
        | "RequestInTheFuture"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch"
        | "TokenRefreshRequired"
        | "UnrecognizedClientException" => Cause::Unauthenticated,
        "BandwidthLimitExceeded"
        | "LimitExceededException"
        | "PriorRequestNotComplete"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException" => Cause::ResourceExhausted,
        _ => return None,
    })
}

/// Whether the type indicates a wrong clock, for which new credentials do not help.
pub fn is_of_the_clock(code: &str) -> bool {
    matches!(
        code,
        "InvalidSignatureException"
            | "RequestExpired"
            | "RequestInTheFuture"
            | "RequestTimeTooSkewed"
            | "SignatureDoesNotMatch"
    )
}

/// For unknown types, most of which have status 400.
const fn from_unknown(status: u16) -> Cause {
    match status {
        400 => Cause::Other,
        status => from_http(status),
    }
}

/// For answers that come not from AWS but from a server in front of it.
const fn from_http(status: u16) -> Cause {
    match status {
        408 => Cause::DeadlineExceeded,
        status => Cause::from_http(status),
    }
}

fn not_of_aws(answer: &HttpResponse) -> String {
    let body = answer.body().bytes().unwrap_or_default();
    format!(
        "found an answer with HTTP status {} that is not from AWS: {}",
        answer.status().as_u16(),
        one_line(&String::from_utf8_lossy(body))
    )
}

/// An inconsistent answer.
pub fn failed_check(text: String) -> Fault {
    Fault::new(Cause::Check, text)
}

#[cfg(test)]
mod tests {
    use std::io;

    use aws_sdk_kms::operation::sign::SignError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

    use super::*;

    fn answered(status: u16, code: Option<&str>, body: &str) -> Heard {
        let mut meta = ErrorMetadata::builder().message("said so");
        if let Some(code) = code {
            meta = meta.code(code);
        }
        let status = status.try_into().unwrap();
        let raw = HttpResponse::new(status, SdkBody::from(body));
        hear(&SdkError::service_error(SignError::generic(meta.build()), raw))
    }

    #[test]
    fn every_type_has_its_cause() {
        for (code, cause) in [
            ("DependencyTimeoutException", Cause::DeadlineExceeded),
            ("DisabledException", Cause::FailedPrecondition),
            ("DryRunOperationException", Cause::Check),
            ("InvalidGrantTokenException", Cause::InvalidArgument),
            ("InvalidKeyUsageException", Cause::FailedPrecondition),
            ("KeyUnavailableException", Cause::Unavailable),
            ("KMSInternalException", Cause::Internal),
            ("KMSInvalidStateException", Cause::FailedPrecondition),
            ("NotFoundException", Cause::NotFound),
            ("InvalidArnException", Cause::InvalidArgument),
            ("UnsupportedOperationException", Cause::FailedPrecondition),
            ("LimitExceededException", Cause::ResourceExhausted),
            ("ThrottlingException", Cause::ResourceExhausted),
            ("Throttling", Cause::ResourceExhausted),
            ("TooManyRequestsException", Cause::ResourceExhausted),
            ("ValidationException", Cause::InvalidArgument),
            ("UnknownOperationException", Cause::InvalidArgument),
            ("AccessDeniedException", Cause::PermissionDenied),
            ("OptInRequired", Cause::PermissionDenied),
            ("ExpiredTokenException", Cause::Unauthenticated),
            ("UnrecognizedClientException", Cause::Unauthenticated),
            ("InvalidSignatureException", Cause::Unauthenticated),
            ("SignatureDoesNotMatch", Cause::Unauthenticated),
            ("RequestExpired", Cause::Unauthenticated),
            ("IncompleteSignature", Cause::Unauthenticated),
            ("InvalidClientTokenId", Cause::Unauthenticated),
            ("MissingAuthenticationTokenException", Cause::Unauthenticated),
            ("ServiceUnavailable", Cause::Unavailable),
            ("InternalFailure", Cause::Internal),
            ("SomethingNewException", Cause::Other),
        ] {
            let heard = answered(400, Some(code), "{}");
            assert_eq!((heard.cause, heard.code.as_deref()), (cause, Some(code)), "{code}");
            assert_eq!(heard.text, format!("{code}: said so"));
        }
        assert_eq!(answered(503, Some("SomethingNew"), "").cause, Cause::Unavailable);
    }

    #[test]
    fn an_answer_that_is_not_from_aws_is_judged_by_its_status() {
        for (status, cause) in [
            (200, Cause::Check),
            (302, Cause::Other),
            (400, Cause::InvalidArgument),
            (401, Cause::Unauthenticated),
            (403, Cause::PermissionDenied),
            (404, Cause::NotFound),
            (407, Cause::Other),
            (408, Cause::DeadlineExceeded),
            (409, Cause::Aborted),
            (429, Cause::ResourceExhausted),
            (500, Cause::Internal),
            (502, Cause::Unavailable),
            (503, Cause::Unavailable),
            (504, Cause::DeadlineExceeded),
        ] {
            let page = format!("<html>\n{}", "x".repeat(90_000));
            let heard = answered(status, None, &page);
            assert_eq!((heard.cause, heard.code), (cause, None), "{status}");
            let start = format!("found an answer with HTTP status {status} that is not from AWS: <html> xxx");
            assert!(
                heard.text.starts_with(&start) && heard.text.len() < 500,
                "{}",
                heard.text
            );
        }
        let raw = HttpResponse::new(200.try_into().unwrap(), SdkBody::from("<html>"));
        let heard = hear(&SdkError::<SignError, _>::response_error("no JSON", raw));
        assert_eq!(heard.cause, Cause::Check);
    }

    #[test]
    fn a_call_without_an_answer_says_why() {
        let error = || Box::new(io::Error::other("refused"));
        for (failure, cause) in [
            (ConnectorError::io(error()), Cause::Io),
            (ConnectorError::timeout(error()), Cause::Timeout),
            (ConnectorError::user(error()), Cause::Other),
        ] {
            let heard = hear(&SdkError::<SignError, HttpResponse>::dispatch_failure(failure));
            assert!(heard.cause == cause && heard.text.contains("refused"), "{heard:?}");
        }
        let heard = hear(&SdkError::<SignError, HttpResponse>::timeout_error(error()));
        assert_eq!(heard.cause, Cause::Timeout);
        let heard = hear(&SdkError::<SignError, HttpResponse>::construction_failure(error()));
        assert!(
            heard.cause == Cause::Other && heard.text.contains("refused"),
            "{heard:?}"
        );
    }
}
