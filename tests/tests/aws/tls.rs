//! The certificate authorities that the signer accepts for KMS.

use std::fs;

use anyhow::Result;
use tests::fake_server::{TlsFront, switch};
use tests::node_client::random_vote;
use tests::process::Directory;
use tests::signer_process::{TOKEN, post};

use crate::support::{Place, Signer};

/// For example, the authority of a proxy that intercepts TLS may be replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bundle_that_names_another_authority_counts_without_a_new_start() -> Result<()> {
    let place = Place::new().await?;
    let host = place.front.address()?.to_string();
    let (old, new) = (TlsFront::start(host.clone()).await?, TlsFront::start(host).await?);
    let (address, target) = switch(old.address()).await?;
    let directory = Directory::new()?;
    let bundle = directory.path().join("bundle.pem");
    fs::write(&bundle, old.authority())?;
    let mut variables = crate::support::with_keys(&place.key, &address);
    variables.push(("SSL_CERT_FILE", bundle.display().to_string()));
    let mut signer = Signer::ready(&variables).await?;
    let key = place.kms.public_key(&place.key)?;
    let port = signer.port();
    let ask = || {
        let vote = random_vote(&key);
        post(port, vote.path, TOKEN, &vote.body).map(|answer| answer.status)
    };
    assert_eq!(ask()?, 200);
    target.send_replace(new.address());
    signer
        .until("it is told", |signer| {
            ask()?;
            let (code, message) = signer.backend()?;
            Ok(code == "IO" && message.contains("invalid peer certificate"))
        })
        .await;
    fs::write(&bundle, new.authority())?;
    signer.until("it signs again", |_| Ok(ask()? == 200)).await;
    Ok(())
}
