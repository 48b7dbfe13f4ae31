//! The certificate authorities that the signer accepts for KMS.

use std::fs;

use anyhow::Result;
use tests::fake_server::{TlsFront, switch};
use tests::process::Directory;
use tests::waiting_signer::votes;

use crate::cluster::Google;

/// For example, the authority of a proxy that intercepts TLS may be replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bundle_that_names_another_authority_counts_without_a_new_start() -> Result<()> {
    let google = Google::start(false).await?;
    google.project().await?;
    let host = google.kms_address()?.to_string();
    let (old, new) = (TlsFront::start(host.clone()).await?, TlsFront::start(host).await?);
    let (address, target) = switch(old.address()).await?;
    let directory = Directory::new()?;
    let bundle = directory.path().join("bundle.pem");
    fs::write(&bundle, old.authority())?;
    let mut signer = google.signer(&[
        ("ATTO_SIGNER_GCP_ENDPOINT", &address),
        ("SSL_CERT_FILE", &bundle.display().to_string()),
    ])?;
    signer.until_ready().await?;
    signer.signs_all(votes(5), &google.key()).await?;
    target.send_replace(new.address());
    let (node, key) = (signer.node()?, google.key());
    let loading = tokio::spawn(async move { votes(5).run(&node, &key).await });
    signer.until("DOWN", |signer| Ok(signer.health()? == "DOWN")).await?;
    fs::write(&bundle, new.authority())?;
    signer.has_signed_all(&loading.await??)
}
