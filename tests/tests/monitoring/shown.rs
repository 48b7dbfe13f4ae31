//! What the real programs show: a signer in front of a KMS that has signed, and an operator with a binding.

use anyhow::Result;
use tests::fake_kms::FakeKms;
use tests::monitoring::Exposed;
use tests::node_client::random_vote;
use tests::operated::Place;
use tests::signer_process::{SignerProcess, TOKEN, get, in_kms, post};
use tokio::task::spawn_blocking;

pub async fn shown() -> Result<Exposed> {
    let kms = FakeKms::start([47; 32])?;
    let (endpoint, vote) = (kms.endpoint(), random_vote(&kms.verifying_key()));
    let signer = spawn_blocking(move || {
        let signer = SignerProcess::start(&in_kms(&endpoint))?;
        assert_eq!(post(signer.port(), vote.path, TOKEN, &vote.body)?.status, 200);
        get(signer.management_port(), "/prometheus")
    })
    .await??;
    let place = Place::new("monitoring").await?;
    place.injected().await?;
    let operator = place.operated.get("/metrics").await?;
    Ok(Exposed::of([signer.body.as_str(), operator.body.as_str()]))
}
