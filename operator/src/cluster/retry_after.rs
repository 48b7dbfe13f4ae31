//! Passes on how long the API server asks clients to wait. It is in a header, which the caller that gets the error does not see.
//! Kubernetes also has a field for it in the body, so it is copied there.

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::response::Parts;
use serde_json::{Value, json};

use crate::model::text::shorten;

/// A proxy in front of the API server may answer with a whole page.
const LONGEST_MESSAGE: usize = 500;

/// The body of a refusal, with the seconds of the `Retry-After` header.
pub fn in_body(head: &Parts, body: Bytes) -> Bytes {
    let seconds = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    // Kubernetes does not use the other form, a date.
    let Some(seconds) = seconds.and_then(|text| text.trim().parse::<u32>().ok()) else {
        return body;
    };
    if head.status.is_success() {
        return body;
    }
    let parsed = serde_json::from_slice(&body).ok();
    let mut status = parsed
        .filter(|status: &Value| status["kind"] == "Status")
        .unwrap_or_else(|| {
            json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": head.status.as_u16(),
                "message": shorten(String::from_utf8_lossy(&body).trim(), LONGEST_MESSAGE),
                "reason": head.status.canonical_reason().unwrap_or_default().replace(' ', ""),
            })
        });
    if !status["details"].is_object() {
        status["details"] = json!({});
    }
    status["details"]["retryAfterSeconds"] = seconds.into();
    Bytes::from(status.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Response;

    use super::*;
    use crate::model::error::retry_after;

    #[test]
    fn the_header_is_found_in_the_status_whatever_the_body() {
        let of = |header: &str, body: &'static str| {
            let response = Response::builder().status(429).header(RETRY_AFTER, header);
            let (head, ()) = response.body(()).unwrap().into_parts();
            in_body(&head, Bytes::from_static(body.as_bytes()))
        };
        let json = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"x","reason":"TooManyRequests","code":429}"#;
        for body in [json, "Too many requests, please try again later.\n", ""] {
            let status: kube::core::Status = serde_json::from_slice(&of("3", body)).unwrap();
            assert_eq!(retry_after(&status), Some(Duration::from_secs(3)), "{body}");
            assert_eq!(
                (status.code, status.reason.as_str()),
                (429, "TooManyRequests"),
                "{body}"
            );
        }
        assert_eq!(of("Wed, 21 Oct 2026 07:28:00 GMT", "x"), "x");
    }
}
