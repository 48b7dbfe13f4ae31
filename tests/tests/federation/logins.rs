//! The signer requests a token from Google's token service once for the lifetime of the token, and again if KMS refuses
//! it.

use anyhow::{Result, ensure};
use tests::fake_server::Front;
use tests::waiting_signer::votes;

use crate::cluster::Google;

/// In an outage of KMS, the signer creates another client every few seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_outage_of_kms_makes_no_login() -> Result<()> {
    let google = Google::start(false).await?;
    google.project().await?;
    let mut signer = google.signer(&[])?;
    signer.until_ready().await?;
    for away in [Front::Silent, Front::Refusing] {
        google.kms_front().set_front(away).await?;
        let (node, key) = (signer.node()?, google.key());
        let loading = tokio::spawn(async move { votes(20).run(&node, &key).await });
        signer.until("DOWN", |signer| Ok(signer.health()? == "DOWN")).await?;
        google.kms_front().set_front(Front::Serving).await?;
        signer.has_signed_all(&loading.await??)?;
    }
    ensure!(google.sts.exchanges() == 1, "{} exchanges", google.sts.exchanges());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_kms_takes_no_more_is_replaced_by_one_login() -> Result<()> {
    let google = Google::start(false).await?;
    google.project().await?;
    let mut signer = google.signer(&[])?;
    signer.until_ready().await?;
    signer.signs_all(votes(5), &google.key()).await?;
    google.refuse_given();
    signer.signs_all(votes(20), &google.key()).await?;
    ensure!(google.sts.exchanges() == 2, "{} exchanges", google.sts.exchanges());
    Ok(())
}
