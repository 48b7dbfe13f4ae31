//! AWS KMS provided by ministack, used with a role by web identity.

use std::sync::Arc;

use anyhow::Result;
use data_encoding::BASE64;
use ed25519_dalek::VerifyingKey;
use http::StatusCode;
use serde_json::json;
use tokio::sync::OnceCell;

use super::identity::Identity;
use super::{Call, KeyService, Trouble};
use crate::fake_server::For;
use crate::key_front::{Act, Asked, KeyFront, answer, changed};
use crate::ministack::{Ministack, ROLE};

struct Aws {
    front: KeyFront,
    identity: Identity,
    arn: String,
    token: String,
    key: VerifyingKey,
}

/// One server for all tests, because its start takes seconds. Each test has its own key.
async fn server() -> Result<Arc<Ministack>> {
    static SERVER: OnceCell<Arc<Ministack>> = OnceCell::const_new();
    let started = SERVER.get_or_try_init(async || anyhow::Ok(Arc::new(Ministack::start().await?)));
    started.await.cloned()
}

pub async fn start() -> Result<Box<dyn KeyService>> {
    let server = server().await?;
    let identity = Identity::new().await?;
    let arn = server.create_key()?;
    let token = identity.project("sts.amazonaws.com").await?;
    Ok(Box::new(Aws {
        front: KeyFront::start(server.address())?,
        key: server.public_key(&arn)?,
        identity,
        arn,
        token,
    }))
}

impl KeyService for Aws {
    fn name(&self) -> &'static str {
        "AWS"
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let file = self.identity.file().display().to_string();
        vec![
            ("ATTO_SIGNER_BACKEND", "AWS".to_owned()),
            ("ATTO_SIGNER_KEY", self.arn.clone()),
            ("AWS_ENDPOINT_URL_KMS", self.front.url()),
            ("AWS_ENDPOINT_URL_STS", self.front.url()),
            ("AWS_ROLE_ARN", ROLE.to_owned()),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", file),
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
        let (status, kind) = match trouble {
            Trouble::Unavailable => (500, "KeyUnavailableException"),
            Trouble::Internal => (500, "KMSInternalException"),
            Trouble::Throttled => (400, "ThrottlingException"),
            Trouble::Denied => (400, "AccessDeniedException"),
            Trouble::NotFound => (400, "NotFoundException"),
            Trouble::Disabled => (400, "DisabledException"),
            Trouble::Expired => (400, "ExpiredTokenException"),
        };
        let body = json!({ "__type": kind, "message": "a test says so" });
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let headers = [("content-type", "application/x-amz-json-1.1")];
        Some(answer(status, &headers, body.to_string()))
    }

    fn wrong_signatures(&self) -> Vec<(&'static str, Act)> {
        let set = |name: &'static str, value: String| changed(move |answer| answer[name] = json!(value));
        vec![
            ("another signature", set("Signature", BASE64.encode(&[7; 64]))),
            ("half a signature", set("Signature", BASE64.encode(&[7; 32]))),
            ("of another key", set("KeyId", self.arn.replace(":key/", ":key/0"))),
            (
                "of another algorithm",
                set("SigningAlgorithm", "ED25519_PH_SHA_512".to_owned()),
            ),
            ("nothing", changed(|answer| *answer = json!({}))),
        ]
    }

    fn refuse_logins(&self, refuse: bool) {
        self.front.clear();
        if refuse {
            let trouble = answer(StatusCode::SERVICE_UNAVAILABLE, &[], "");
            self.front
                .on(|asked| call(asked) == Some(Call::Login), trouble, For::Ever);
        }
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.token.clone()]
    }
}

fn call(asked: &Asked) -> Option<Call> {
    if String::from_utf8_lossy(&asked.body).contains("Action=AssumeRoleWithWebIdentity") {
        return Some(Call::Login);
    }
    match asked.header("x-amz-target") {
        "TrentService.GetPublicKey" => Some(Call::PublicKey),
        "TrentService.Sign" => {
            let body = asked.json();
            let message = body["Message"].as_str().unwrap_or_default();
            Some(Call::Sign(BASE64.decode(message.as_bytes()).unwrap_or_default()))
        }
        _ => None,
    }
}
