//! Maps the server's answers to causes.

use serde::Deserialize;

use crate::backend::{
    chain::chain,
    fault::{Cause, Fault},
};

/// Maximum length of an answer's text in a fault. The rest of a proxy's page is not useful.
const MAX_TEXT: usize = 2_000;

/// An unsuccessful answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its status. None if no answer arrived.
    pub status: Option<u16>,
    /// Whether the key service answered, and not a server in front of it.
    pub is_from_service: bool,
    /// The corresponding fault.
    pub fault: Fault,
}

impl Refusal {
    /// Whether the service refuses the token or the login.
    pub fn is_denial(&self) -> bool {
        self.is_from_service && self.status == Some(403)
    }

    /// Whether repeating the request cannot succeed.
    pub fn is_final(&self) -> bool {
        self.is_from_service && matches!(self.status, Some(400 | 403 | 404 | 405))
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self {
            status: None,
            is_from_service: false,
            fault,
        }
    }
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

/// The meaning of an answer with this status.
pub fn classify(status: u16, body: &[u8]) -> Refusal {
    let errors = serde_json::from_slice::<Errors>(body).ok();
    let is_from_service = errors.is_some();
    let text = errors.map_or_else(
        || String::from_utf8_lossy(body.get(..MAX_TEXT).unwrap_or(body)).into_owned(),
        |Errors { errors }| errors.join("; "),
    );
    let cause = if is_from_service {
        in_words(status, &text).unwrap_or_else(|| by_status(status))
    } else {
        by_status(status)
    };
    let text = if text.trim().is_empty() {
        "no message"
    } else {
        text.trim()
    };
    Refusal {
        status: Some(status),
        is_from_service,
        fault: Fault::new(cause, format!("{text} (HTTP {status})")),
    }
}

/// Missing objects and invalid requests have the statuses 400 and 500, so only the text distinguishes them.
fn in_words(status: u16, text: &str) -> Option<Cause> {
    const WORDS: [(&str, Cause); 18] = [
        // Messages of the transit engine.
        ("key not found", Cause::NotFound),
        ("higher than the latest key version", Cause::NotFound),
        ("namespace not found", Cause::NotFound),
        ("no handler for route", Cause::NotFound),
        ("unsupported path", Cause::NotFound),
        ("less than the minimum", Cause::FailedPrecondition),
        ("no such key version", Cause::FailedPrecondition),
        ("soft deleted", Cause::FailedPrecondition),
        ("derivation", Cause::FailedPrecondition),
        ("does not support signing", Cause::FailedPrecondition),
        // Messages of the server.
        ("sealed", Cause::Unavailable),
        ("not initialized", Cause::Unavailable),
        ("not active", Cause::Unavailable),
        ("standby", Cause::Unavailable),
        ("quota exceeded", Cause::ResourceExhausted),
        ("deadline exceeded", Cause::DeadlineExceeded),
        ("context canceled", Cause::Unavailable),
        ("missing client token", Cause::Unauthenticated),
    ];
    if !matches!(status, 400 | 404 | 405 | 500 | 503) {
        return None;
    }
    let text = text.to_ascii_lowercase();
    WORDS
        .iter()
        .find(|(words, _)| text.contains(words))
        .map(|(_, cause)| *cause)
}

/// <https://openbao.org/api-docs/#http-status-codes>; a standby answers with 472 and 473.
const fn by_status(status: u16) -> Cause {
    match status {
        405 => Cause::NotFound,
        408 => Cause::DeadlineExceeded,
        412 => Cause::Aborted,
        // A standby that redirects its clients to the active server.
        300..400 | 472 | 473 | 501 => Cause::Unavailable,
        status => Cause::from_http(status),
    }
}

/// No answer arrived, or only part of one.
pub fn unanswered(error: reqwest::Error) -> Fault {
    let cause = if error.is_timeout() {
        Cause::Timeout
    } else if error.is_builder() {
        Cause::Other
    } else {
        Cause::Io
    };
    Fault::new(cause, chain(&error.without_url()))
}

/// An inconsistent answer.
pub fn failed_check(text: impl AsRef<str>) -> Fault {
    Fault::new(Cause::Check, text)
}

/// The failure to get a token. No signature was requested, so a refused login is a failure of the credentials. Failures of an
/// absent or broken server stay as they are.
pub fn of_login(fault: &Fault) -> Fault {
    let cause = match fault.cause {
        Cause::Io | Cause::Check | Cause::Unavailable => fault.cause,
        // A login method that is not configured answers with 500.
        Cause::Internal
        | Cause::Aborted
        | Cause::Timeout
        | Cause::Credentials
        | Cause::InvalidArgument
        | Cause::FailedPrecondition
        | Cause::NotFound
        | Cause::PermissionDenied
        | Cause::Unauthenticated
        | Cause::ResourceExhausted
        | Cause::DeadlineExceeded
        | Cause::Other => Cause::Credentials,
    };
    Fault::new(cause, fault.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(texts: &[&str]) -> Vec<u8> {
        serde_json::json!({ "errors": texts }).to_string().into_bytes()
    }

    #[test]
    fn every_answer_has_its_cause() {
        for (status, text, cause) in [
            (400, "signing key not found", Cause::NotFound),
            (400, "encryption key not found", Cause::NotFound),
            (400, "missing client token", Cause::Unauthenticated),
            (400, "unable to decode input as base64", Cause::InvalidArgument),
            (
                500,
                "1 error occurred:\n\t* requested version for signing is higher than the latest key version\n\n",
                Cause::NotFound,
            ),
            (500, "no such key version", Cause::FailedPrecondition),
            (
                400,
                "key type aes256-gcm96 does not support signing",
                Cause::FailedPrecondition,
            ),
            (404, "namespace not found", Cause::NotFound),
            (
                500,
                "requested version for signing is less than the minimum encryption key version",
                Cause::FailedPrecondition,
            ),
            (
                500,
                "missing 'context' for key derivation; the key was created using a derived key",
                Cause::FailedPrecondition,
            ),
            (500, "internal error", Cause::Internal),
            (
                500,
                "local node not active but active cluster node not found",
                Cause::Unavailable,
            ),
            (500, "context deadline exceeded", Cause::DeadlineExceeded),
            (503, "Vault is sealed", Cause::Unavailable),
            (403, "permission denied", Cause::PermissionDenied),
            (
                404,
                "no handler for route \"x/keys/y\". route entry not found.",
                Cause::NotFound,
            ),
            (404, "", Cause::NotFound),
            (405, "unsupported operation", Cause::NotFound),
            (412, "required index state not present", Cause::Aborted),
            (
                429,
                "request path \"transit/sign/voter\": rate limit quota exceeded",
                Cause::ResourceExhausted,
            ),
            (401, "", Cause::Unauthenticated),
            (472, "", Cause::Unavailable),
            (473, "", Cause::Unavailable),
            (307, "", Cause::Unavailable),
            (501, "", Cause::Unavailable),
            (502, "", Cause::Unavailable),
            (504, "", Cause::DeadlineExceeded),
            (418, "", Cause::Other),
        ] {
            let refusal = classify(status, &errors(&[text]));
            assert_eq!(refusal.fault.cause, cause, "{status} {text}");
            assert!(refusal.is_from_service && refusal.status == Some(status), "{status}");
            assert!(
                refusal.fault.text().ends_with(&format!("(HTTP {status})")),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn a_page_of_a_proxy_is_not_taken_for_the_key_service() {
        for page in ["<html>\n<b>signing key not found</b>", "", "{}", "[]", "\u{fffd}"] {
            let refusal = classify(403, page.as_bytes());
            assert!(!refusal.is_denial() && !refusal.is_final(), "{page}");
            assert_eq!(refusal.fault.cause, Cause::PermissionDenied);
        }
        assert_eq!(classify(500, b"<html>Vault is sealed").fault.cause, Cause::Internal);
        let long = classify(502, "é".repeat(9_000).as_bytes());
        assert!(long.fault.text().chars().count() <= 300);
        assert!(classify(403, &errors(&["permission denied"])).is_denial());
        assert_eq!(classify(400, &errors(&["a", "b"])).fault.text(), "a; b (HTTP 400)");
        assert_eq!(classify(404, &errors(&[])).fault.text(), "no message (HTTP 404)");
    }

    #[test]
    fn a_login_that_is_refused_is_a_matter_of_the_credentials() {
        for (of_the_answer, of_the_login) in [
            (Cause::PermissionDenied, Cause::Credentials),
            (Cause::InvalidArgument, Cause::Credentials),
            (Cause::NotFound, Cause::Credentials),
            (Cause::ResourceExhausted, Cause::Credentials),
            (Cause::Timeout, Cause::Credentials),
            (Cause::Io, Cause::Io),
            (Cause::Unavailable, Cause::Unavailable),
            (Cause::Internal, Cause::Credentials),
        ] {
            assert_eq!(of_login(&Fault::new(of_the_answer, "x")), Fault::new(of_the_login, "x"));
        }
    }
}
