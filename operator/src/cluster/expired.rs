//! What becomes of a watch of a version that the API server has forgotten.

use bytes::Bytes;
use http::StatusCode;

/// The event that the API server sends when it notices in the middle of a watch.
pub fn expired(status: &[u8]) -> Bytes {
    let status = serde_json::from_slice(status)
        .unwrap_or_else(|_| serde_json::json!({ "kind": "Status", "apiVersion": "v1", "reason": "Expired" }));
    let mut event = serde_json::json!({ "type": "ERROR", "object": status });
    event["object"]["code"] = StatusCode::GONE.as_u16().into();
    Bytes::from(format!("{event}\n"))
}
