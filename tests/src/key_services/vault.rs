//! The transit engine of OpenBao, with logins by the method `kubernetes`.

use std::sync::Arc;

use anyhow::Result;
use data_encoding::BASE64;
use ed25519_dalek::VerifyingKey;
use http::StatusCode;
use serde_json::json;
use tokio::sync::OnceCell;

use super::identity::Identity;
use super::{Call, KeyService, Trouble};
use crate::ControlPlane;
use crate::fake_server::For;
use crate::key_front::{Act, Asked, KeyFront, answer, changed};
use crate::openbao::{MOUNT, Method, OpenBao};

const AUDIENCE: &str = "openbao";
const LOGIN: &str = "/v1/auth/kubernetes/login";

struct Vault {
    front: KeyFront,
    identity: Identity,
    name: String,
    token: String,
    key: VerifyingKey,
}

/// One server for all tests. Each test has its own key and role.
async fn server() -> Result<Arc<OpenBao>> {
    static SERVER: OnceCell<Arc<OpenBao>> = OnceCell::const_new();
    let started = SERVER.get_or_try_init(async || {
        let server = OpenBao::start().await?;
        server.trust(Method::Kubernetes, ControlPlane::shared().await?).await?;
        anyhow::Ok(Arc::new(server))
    });
    started.await.cloned()
}

pub async fn start() -> Result<Box<dyn KeyService>> {
    let server = server().await?;
    let identity = Identity::new().await?;
    let name = identity.namespace.clone();
    server.create_key(&name)?;
    server.allow_voter(&name)?;
    server.allow_account(Method::Kubernetes, &name, &name, AUDIENCE, &name, "1h")?;
    let token = identity.project(AUDIENCE).await?;
    Ok(Box::new(Vault {
        front: KeyFront::start(server.address())?,
        key: server.public_key(&name, 1)?,
        identity,
        name,
        token,
    }))
}

impl KeyService for Vault {
    fn name(&self) -> &'static str {
        "VAULT"
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let file = self.identity.file().display().to_string();
        vec![
            ("ATTO_SIGNER_BACKEND", "VAULT".to_owned()),
            ("ATTO_SIGNER_KEY", format!("{MOUNT}/keys/{}/versions/1", self.name)),
            ("ATTO_SIGNER_VAULT_ADDRESS", self.front.url()),
            ("ATTO_SIGNER_VAULT_ROLE", self.name.clone()),
            ("ATTO_SIGNER_IDENTITY_TOKEN_FILE", file),
        ]
    }

    fn front(&self) -> &KeyFront {
        &self.front
    }

    fn key(&self) -> VerifyingKey {
        self.key
    }

    fn call(&self) -> fn(&Asked) -> Option<Call> {
        call
    }

    fn trouble(&self, trouble: Trouble) -> Option<Act> {
        let (status, errors) = match trouble {
            Trouble::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, json!(["Vault is sealed"])),
            Trouble::Internal => (StatusCode::INTERNAL_SERVER_ERROR, json!(["internal error"])),
            Trouble::Throttled => (StatusCode::TOO_MANY_REQUESTS, json!(["rate limit quota exceeded"])),
            Trouble::Denied => (StatusCode::FORBIDDEN, json!(["permission denied"])),
            Trouble::NotFound => (StatusCode::NOT_FOUND, json!([])),
            // Its keys cannot be disabled, and another path tells whether a token is valid.
            Trouble::Disabled | Trouble::Expired => return None,
        };
        let body = json!({ "errors": errors });
        Some(answer(
            status,
            &[("content-type", "application/json")],
            body.to_string(),
        ))
    }

    fn wrong_signatures(&self) -> Vec<(&'static str, Act)> {
        let signature = |prefix: &str, bytes: &[u8]| {
            let text = format!("{prefix}{}", BASE64.encode(bytes));
            changed(move |answer| answer["data"]["signature"] = json!(text))
        };
        vec![
            ("another signature", signature("vault:v1:", &[7; 64])),
            ("half a signature", signature("vault:v1:", &[7; 32])),
            ("of another version", signature("vault:v2:", &[7; 64])),
            ("of no version", signature("", &[7; 64])),
            ("nothing", changed(|answer| *answer = json!({}))),
        ]
    }

    fn refuse_logins(&self, refuse: bool) {
        self.front.clear();
        if refuse {
            let sealed = answer(
                StatusCode::SERVICE_UNAVAILABLE,
                &[],
                r#"{"errors":["Vault is sealed"]}"#,
            );
            self.front
                .on(|asked| call(asked) == Some(Call::Login), sealed, For::Ever);
        }
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.token.clone()]
    }
}

fn call(asked: &Asked) -> Option<Call> {
    if asked.path == LOGIN {
        return Some(Call::Login);
    }
    let path = asked.path.strip_prefix("/v1/")?.strip_prefix(MOUNT)?;
    if path.starts_with("/keys/") {
        return Some(Call::PublicKey);
    }
    let body = path.starts_with("/sign/").then(|| asked.json())?;
    let input = body["input"].as_str().unwrap_or_default();
    Some(Call::Sign(BASE64.decode(input.as_bytes()).unwrap_or_default()))
}
