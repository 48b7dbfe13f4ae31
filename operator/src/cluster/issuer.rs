//! The issuer of the ServiceAccount tokens of this cluster, which a key service outside of it must know.

use std::time::Duration;

use http::Request;
use kube::Client;
use serde_json::Value;

use super::within;

/// Every ServiceAccount may read this path, by a default role of Kubernetes.
/// Source: <https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery>
const PATH: &str = "/.well-known/openid-configuration";

/// The issuer is only used in commands that a condition prints, so the start does not wait long for it.
const DEADLINE: Duration = Duration::from_secs(3);

const LONGEST: usize = 256;

/// The issuer, if the API server reports it.
pub async fn issuer(client: &Client) -> Option<String> {
    let request = Request::get(PATH).body(vec![]).ok()?;
    match within(DEADLINE, "ask for the issuer", client.request::<Value>(request)).await {
        Ok(answer) => named(&answer),
        Err(error) => {
            tracing::info!("commands in IdentityReady have a placeholder for the issuer of this cluster: {error}");
            None
        }
    }
}

/// Accepts only an address without characters that a shell interprets, because people paste the command that contains it.
fn named(answer: &Value) -> Option<String> {
    let issuer = answer["issuer"].as_str()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/%".contains(&byte);
    (issuer.len() <= LONGEST && issuer.starts_with("https://") && issuer.bytes().all(is_plain))
        .then(|| issuer.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn is_an_address_or_nothing() {
        let of = |issuer: &str| named(&json!({ "issuer": issuer }));
        assert!(of("https://oidc.eks.eu-central-1.amazonaws.com/id/ABC").is_some());
        for wrong in [
            "",
            "kubernetes/serviceaccount",
            "https://x/$(id)",
            "https://x y",
            "https://x'",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(of(&format!("https://{}", "x".repeat(256))), None);
        assert_eq!(named(&json!({})), None);
    }
}
