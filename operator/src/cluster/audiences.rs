//! The audiences that the API server accepts. The API server does not publish them, but a token mounted without an audience, such
//! as the operator's, has all of them (`--api-audiences`). If the pod has a token of another kind, that token has at least the
//! audience that the API server accepts.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

/// Where Kubernetes mounts the token.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The audiences of the operator's own token. Empty outside of a cluster.
pub async fn audiences() -> Vec<String> {
    let token = tokio::fs::read_to_string(TOKEN).await;
    token.map(|token| named(token.trim())).unwrap_or_default()
}

/// The audiences in the token itself. They can be trusted here, because the API server accepts this token.
fn named(token: &str) -> Vec<String> {
    let payload = token.split('.').nth(1).unwrap_or_default();
    let payload = BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&payload).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match &claims["aud"] {
        Value::Array(all) => all.iter().filter_map(text).collect(),
        one => text(one).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_tells_one_audience_or_several() {
        let of = |claims: Value| {
            named(&format!(
                "e30.{}.c2ln",
                BASE64URL_NOPAD.encode(claims.to_string().as_bytes())
            ))
        };
        assert_eq!(
            of(json!({"aud": ["https://kubernetes.default.svc", "k3s"]})),
            ["https://kubernetes.default.svc", "k3s"]
        );
        assert_eq!(of(json!({"aud": "api"})), ["api"]);
        assert!(of(json!({"aud": 1})).is_empty() && of(json!({})).is_empty());
        for wrong in ["", "a", "a.b", "a.!.c", "..", "e30.bnVsbA.x"] {
            assert!(named(wrong).is_empty(), "{wrong}");
        }
    }
}
