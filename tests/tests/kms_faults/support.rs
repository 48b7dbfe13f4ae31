//! A signer process and the KMS behind it.

use anyhow::Result;
use ed25519_dalek::VerifyingKey;
use tests::fake_kms::FakeKms;
use tests::node_client::{Load, Report};
use tests::signer_process::in_kms;
use tests::waiting_signer::WaitingSigner;

pub use tests::waiting_signer::{PATIENCE, votes};

pub type Signer = WaitingSigner;

/// A signer in front of this KMS, with these further changes of its environment.
pub fn before(kms: &FakeKms, changes: &[(&str, &str)]) -> Result<Signer> {
    let endpoint = kms.endpoint();
    let mut environment = in_kms(&endpoint).to_vec();
    environment.extend_from_slice(changes);
    WaitingSigner::start(&environment)
}

/// A KMS, and a signer in front of it that is ready.
pub async fn ready(seed: u8) -> (FakeKms, Signer) {
    let kms = FakeKms::start([seed; 32]).unwrap();
    let signer = ready_before(&kms).await;
    (kms, signer)
}

/// A signer in front of this KMS that is ready.
pub async fn ready_before(kms: &FakeKms) -> Signer {
    ready_with(kms, &[]).await
}

/// A ready signer with these changes of its environment.
pub async fn ready_with(kms: &FakeKms, changes: &[(&str, &str)]) -> Signer {
    let mut signer = before(kms, changes).unwrap();
    signer.until_ready().await.unwrap_or_else(|error| panic!("{error:#}"));
    signer
}

/// Requests signatures of votes, and expects all of them, with no other status than 200 and 429.
pub async fn all_signed(what: &str, signer: &Signer, load: Load, key: &VerifyingKey) -> Report {
    let report = signer.signs_all(load, key).await;
    report.unwrap_or_else(|error| panic!("{what}: {error:#}"))
}
