//! One request as received.

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use serde_json::Value;

/// A request to a key service.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET`, `POST`, …
    pub method: Method,
    /// With the query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Asked {
    pub(super) fn of(request: &Request<Bytes>) -> Self {
        let path = request.uri().path_and_query();
        Self {
            method: request.method().clone(),
            path: path.map_or_else(String::new, ToString::to_string),
            headers: request.headers().clone(),
            body: request.body().clone(),
        }
    }

    /// A header's text; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as JSON. Null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
