//! The base of all tests: a cluster's tokens, Google's services, and a signer without other credentials.

use std::net::SocketAddr;

use anyhow::Result;
use ed25519_dalek::VerifyingKey;
use http::StatusCode;
use serde_json::json;
use tests::fake_kms::FakeKms;
use tests::fake_server::For;
use tests::fake_sts::{FakeSts, PROVIDER};
use tests::key_front::{Act, KeyFront, answer};
use tests::key_services::identity::{Identity, issuer};
use tests::signer_process::in_kms;
use tests::waiting_signer::WaitingSigner;

/// Google, as one voter sees it, and that voter's token.
pub struct Google {
    pub sts: FakeSts,
    pub identity: Identity,
    kms: FakeKms,
    front: KeyFront,
}

impl Google {
    /// With the role granted only to the subject itself, or only to the service account.
    pub async fn start(role_of_the_account: bool) -> Result<Self> {
        let (issuer, keys) = issuer().await?;
        let sts = FakeSts::start(&issuer, keys)?;
        let kms = FakeKms::start([7; 32])?;
        let front = KeyFront::start(kms.host().parse()?)?;
        let knows = sts.judge(role_of_the_account);
        front.on(
            move |asked| !knows(asked.header("authorization")),
            unauthenticated(),
            For::Ever,
        );
        Ok(Self {
            sts,
            identity: Identity::new().await?,
            kms,
            front,
        })
    }

    pub fn key(&self) -> VerifyingKey {
        self.kms.verifying_key()
    }

    /// The address of KMS, which requires a token.
    pub fn kms_address(&self) -> Result<SocketAddr> {
        self.front.address()
    }

    /// The front before KMS.
    pub const fn kms_front(&self) -> &KeyFront {
        &self.front
    }

    /// From now on, KMS refuses all tokens that were issued before.
    pub fn refuse_given(&self) {
        let given = self.sts.given();
        self.front.on(
            move |asked| given.iter().any(|token| asked.header("authorization").ends_with(token)),
            unauthenticated(),
            For::Ever,
        );
    }

    /// Writes a token as the kubelet would.
    pub async fn project(&self) -> Result<String> {
        self.identity.project(PROVIDER).await
    }

    /// A started signer, with these changes of its environment.
    pub fn signer(&self, changes: &[(&str, &str)]) -> Result<WaitingSigner> {
        let (endpoint, sts) = (self.front.url(), self.sts.endpoint());
        let file = self.identity.file().display().to_string();
        let mut all = in_kms(&endpoint).to_vec();
        all.extend([
            ("ATTO_SIGNER_GCP_PROVIDER", PROVIDER),
            ("ATTO_SIGNER_GCP_STS_ENDPOINT", &sts),
            ("ATTO_SIGNER_IDENTITY_TOKEN_FILE", &file),
        ]);
        all.extend_from_slice(changes);
        WaitingSigner::start(&all)
    }
}

fn unauthenticated() -> Act {
    let unknown = json!({"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "no such token"}});
    answer(
        StatusCode::UNAUTHORIZED,
        &[("content-type", "application/json")],
        unknown.to_string(),
    )
}
