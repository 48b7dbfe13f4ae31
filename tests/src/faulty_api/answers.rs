//! The proxy's own answers, in the API server's format.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use super::Payload;

/// The `Status` object of a refusal.
pub(super) fn status(code: u16) -> Value {
    let (reason, message) = match code {
        409 => (
            "Conflict",
            "the object has been modified; please apply your changes to the latest version",
        ),
        410 => ("Expired", "too old resource version"),
        429 => ("TooManyRequests", "too many requests, please try again later"),
        503 => (
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
        _ => (
            "InternalError",
            "Internal error occurred: etcdserver: request timed out",
        ),
    };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

/// A refusal. A proxy in front of an API server answers 502 with HTML.
pub(super) fn refusal(code: u16) -> Response<Payload> {
    let mut response = if code == 502 {
        typed(
            "text/html",
            "<html><body><h1>502 Bad Gateway</h1></body></html>\n".to_owned(),
        )
    } else {
        typed("application/json", status(code).to_string())
    };
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if code == 429 {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// A watch that reports an expired version, and ends.
pub(super) fn expired_event() -> Response<Payload> {
    let event = json!({ "type": "ERROR", "object": status(410) });
    typed("application/json", format!("{event}\n"))
}

/// A watch that ends immediately.
pub(super) fn nothing() -> Response<Payload> {
    typed("application/json", String::new())
}

fn typed(content_type: &'static str, body: String) -> Response<Payload> {
    let body = Full::new(Bytes::from(body))
        .map_err(|never| match never {})
        .boxed_unsync();
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
