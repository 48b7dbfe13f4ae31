//! Google Cloud KMS, with Workload Identity Federation.

use anyhow::Result;
use data_encoding::BASE64;
use ed25519_dalek::VerifyingKey;
use http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::identity::{Identity, issuer};
use super::{Call, KeyService, Trouble};
use crate::fake_kms::{FakeKms, KEY_VERSION, crc32c};
use crate::fake_server::For;
use crate::fake_sts::{FakeSts, Fault, PROVIDER};
use crate::key_front::{Act, Asked, KeyFront, answer, changed};

struct Gcp {
    kms: FakeKms,
    sts: FakeSts,
    /// Injects faults.
    front: KeyFront,
    /// Behind it: refuses requests with unknown tokens.
    _door: KeyFront,
    identity: Identity,
    token: String,
}

pub async fn start() -> Result<Box<dyn KeyService>> {
    let identity = Identity::new().await?;
    let token = identity.project(PROVIDER).await?;
    let (issuer, keys) = issuer().await?;
    let sts = FakeSts::start(&issuer, keys)?;
    let kms = FakeKms::start(seed(&identity.namespace))?;
    let door = KeyFront::start(kms.host().parse()?)?;
    let front = KeyFront::start(door.address()?)?;
    let knows = sts.judge(false);
    door.on(
        move |asked| !knows(asked.header("authorization")),
        refusal(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
        For::Ever,
    );
    Ok(Box::new(Gcp {
        kms,
        sts,
        front,
        _door: door,
        identity,
        token,
    }))
}

/// A different key for each test.
fn seed(name: &str) -> [u8; 32] {
    Sha256::digest(name).into()
}

impl KeyService for Gcp {
    fn name(&self) -> &'static str {
        "GCP"
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let file = self.identity.file().display().to_string();
        vec![
            ("ATTO_SIGNER_BACKEND", "GCP".to_owned()),
            ("ATTO_SIGNER_KEY", KEY_VERSION.to_owned()),
            ("ATTO_SIGNER_GCP_ENDPOINT", self.front.url()),
            ("ATTO_SIGNER_GCP_PROVIDER", PROVIDER.to_owned()),
            ("ATTO_SIGNER_GCP_STS_ENDPOINT", self.sts.endpoint()),
            ("ATTO_SIGNER_IDENTITY_TOKEN_FILE", file),
        ]
    }

    fn front(&self) -> &KeyFront {
        &self.front
    }

    fn key(&self) -> VerifyingKey {
        self.kms.verifying_key()
    }

    fn call(&self) -> fn(&Asked) -> Option<Call> {
        call
    }

    fn trouble(&self, trouble: Trouble) -> Option<Act> {
        let (status, code) = match trouble {
            Trouble::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Trouble::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
            Trouble::Throttled => (StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED"),
            Trouble::Denied => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            Trouble::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Trouble::Disabled => (StatusCode::BAD_REQUEST, "FAILED_PRECONDITION"),
            Trouble::Expired => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
        };
        Some(refusal(status, code))
    }

    fn wrong_signatures(&self) -> Vec<(&'static str, Act)> {
        let signature = |signature: &[u8], name: Option<&str>| {
            let (encoded, checksum) = (BASE64.encode(signature), crc32c(signature).to_string());
            let name = name.map(str::to_owned);
            changed(move |answer: &mut Value| {
                answer["signature"] = json!(encoded);
                answer["signatureCrc32c"] = json!(checksum);
                if let Some(name) = &name {
                    answer["name"] = json!(name);
                }
            })
        };
        vec![
            ("another signature", signature(&[7; 64], None)),
            ("half a signature", signature(&[7; 32], None)),
            (
                "of another key",
                signature(
                    &[7; 64],
                    Some("projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/2"),
                ),
            ),
            ("nothing", changed(|answer| *answer = json!({}))),
        ]
    }

    fn logins(&self) -> usize {
        self.sts.exchanges()
    }

    fn refuse_logins(&self, refuse: bool) {
        self.sts.faults().clear();
        if refuse {
            self.sts.faults().push(Fault::Status(503), For::Ever);
        }
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.token.clone(), "federated-".to_owned()]
    }
}

fn call(asked: &Asked) -> Option<Call> {
    if asked.path.contains("/publicKey") {
        return Some(Call::PublicKey);
    }
    let body = asked.path.contains(":asymmetricSign").then(|| asked.json())?;
    let data = body["data"].as_str().unwrap_or_default();
    Some(Call::Sign(BASE64.decode(data.as_bytes()).unwrap_or_default()))
}

fn refusal(status: StatusCode, code: &str) -> Act {
    let body =
        json!({ "error": { "code": status.as_u16(), "message": format!("a test says {code}"), "status": code } });
    answer(status, &[("content-type", "application/json")], body.to_string())
}
