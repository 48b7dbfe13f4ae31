//! How a watch reports that the API server no longer has the requested version.

use bytes::Bytes;
use http::StatusCode;

/// The event that the API server sends when this happens during a watch.
pub fn expired(status: &[u8]) -> Bytes {
    let status = serde_json::from_slice(status)
        .unwrap_or_else(|_| serde_json::json!({ "kind": "Status", "apiVersion": "v1", "reason": "Expired" }));
    let mut event = serde_json::json!({ "type": "ERROR", "object": status });
    event["object"]["code"] = StatusCode::GONE.as_u16().into();
    Bytes::from(format!("{event}\n"))
}
