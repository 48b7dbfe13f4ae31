//! Maps the client's errors to causes.

use google_cloud_gax::error::{Error, rpc::Code};

use crate::backend::{
    chain::chain,
    fault::{Cause, Fault},
    redaction::hide_tokens,
};

/// The fault for an error of the client.
pub fn classify(error: &Error) -> Fault {
    if error.is_authentication() {
        return without_credentials(error);
    }
    let cause = cause(error);
    let text = error
        .status()
        .map_or_else(|| chain(error), |status| status.message.clone());
    Fault::new(cause, if text.is_empty() { "no message".to_owned() } else { text })
}

fn cause(error: &Error) -> Cause {
    if let Some(status) = error.status() {
        from_code(status.code)
    } else if let Some(status) = error.http_status_code() {
        Cause::from_http(status)
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

/// An inconsistent answer.
pub fn failed_check(text: String) -> Fault {
    Fault::new(Cause::Check, text)
}

/// There is no token, so no request was sent to KMS. An answer may repeat the token that was sent, so it is removed. Google's
/// library has read it itself, and the file may contain another one by now.
pub fn without_credentials(error: &dyn std::error::Error) -> Fault {
    Fault::new(Cause::Credentials, plain(&hide_tokens(&chain(error))))
}

/// The client's own text around each refused token. It does not apply here, because another client follows.
const NOISE: [&str; 5] = [
    "Request to fetch the token failed. Subsequent calls with this credential will also fail.",
    "Fetching the token resulted in transient errors. Subsequent calls with this credential might succeed.",
    " and future attempts will not succeed",
    " but future attempts may succeed",
    "cannot create the authentication headers",
];

/// The text without constant parts, and only the message of a JSON answer. The middle of a long text is cut out.
fn plain(text: &str) -> String {
    let text = NOISE
        .iter()
        .fold(text.to_owned(), |text, noise| text.replace(noise, ""));
    let text = text.trim_matches([' ', ':']);
    let answered = text.split_once("body=<").and_then(|(before, rest)| {
        let (body, after) = rest.rsplit_once(">:").or_else(|| rest.rsplit_once('>'))?;
        let body: serde_json::Value = serde_json::from_str(body).ok()?;
        let said = [&body["error_description"], &body["error"]["message"]];
        let said = said.into_iter().find_map(serde_json::Value::as_str)?;
        Some(format!("{before}{said} ({})", after.trim()))
    });
    answered.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use google_cloud_gax::error::{CredentialsError, rpc::Status};

    use super::*;

    #[test]
    fn a_refused_token_is_told_by_what_the_service_said() {
        let body = r#"{"error":"invalid_grant","error_description":"The audience does not match."}"#;
        let text = format!(
            "{} and future attempts will not succeed: failed to exchange token, body=<{body}> and future attempts will not succeed: HTTP status client error (400)",
            NOISE[0]
        );
        assert_eq!(
            plain(&text),
            "failed to exchange token, The audience does not match. (HTTP status client error (400))"
        );
        assert_eq!(plain("no route: refused"), "no route: refused");
        assert_eq!(plain("failed, body=<html>: HTTP 502"), "failed, body=<html>: HTTP 502");
    }

    #[test]
    fn a_refused_token_reads_the_same_when_a_signature_needed_it() {
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
        let body = format!("failed to exchange token, body=<subject_token={jwt}&scope=x>");
        let answer = CredentialsError::new(false, body, std::io::Error::other("HTTP 400"));
        let error = Error::authentication(CredentialsError::new(false, NOISE[0], answer));
        assert_eq!(
            classify(&error),
            Fault::new(
                Cause::Credentials,
                "failed to exchange token, body=<subject_token=[hidden]&scope=x>: HTTP 400"
            )
        );
    }

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
