//! After a panic in Google's library, the signer reports it, counts it like any failure, and signs again once the cause
//! is fixed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use tests::eventually;
use tests::fake_kms::FakeKms;
use tests::fake_metadata::FakeMetadata;
use tests::fake_server::{Front, TlsFront};
use tests::node_client::random_vote;
use tests::process::Directory;
use tests::signer_process::{SignerProcess, TOKEN, get, in_kms, post};

/// Google's credentials renew a short token every 10 s, and the signer tries new ones every 5 s.
const PATIENCE: Duration = Duration::from_mins(1);

fn backend(signer: &SignerProcess) -> Result<Value> {
    let health: Value = serde_json::from_str(&get(signer.management_port(), "/health")?.body)?;
    Ok(health["components"]["backend"].clone())
}

/// Google's credentials read the bundle of authorities for each token, and panic if they cannot.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_panic_in_googles_credentials_the_signer_signs_again() -> Result<()> {
    let metadata = FakeMetadata::start(Front::Serving)?;
    metadata.set_lifetime(15);
    let kms = FakeKms::start([41; 32])?;
    let tls = TlsFront::start(kms.host()).await?;
    let directory = Directory::new()?;
    let [bundle, away] = ["authorities.pem", "away.pem"].map(|name| directory.path().join(name));
    fs::write(&bundle, tls.authority())?;
    let (endpoint, host, authorities) = (tls.endpoint(), metadata.host(), bundle.display().to_string());
    let mut changes = in_kms(&endpoint).to_vec();
    changes.extend([("GCE_METADATA_HOST", host.as_str()), ("SSL_CERT_FILE", &authorities)]);
    let signer = SignerProcess::start(&changes)?;
    let vote = || post(signer.port(), "/votes", TOKEN, &random_vote(&kms.verifying_key()).body);
    assert_eq!(vote()?.status, 200, "{}", signer.log());

    fs::rename(&bundle, &away)?;
    eventually(PATIENCE, "the backend is DOWN, as votes show", async || {
        let answer = vote()?;
        ensure!([200, 429].contains(&answer.status), "{answer:?}");
        let backend = backend(&signer)?;
        ensure!(backend["status"] == "DOWN", "{backend}: {answer:?}\n{}", signer.log());
        Ok(())
    })
    .await?;
    let says = backend(&signer)?["details"]["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        says.starts_with("the library of the key service panicked: ") && !says.contains('\n'),
        "{says:?}"
    );
    // The cause is the panic message of Google's own task.
    let cause = "No CA certificates were loaded from the system";
    eventually(PATIENCE, "the log names the cause", async || {
        let log = signer.log();
        let line = log
            .lines()
            .find(|line| line.contains("defect: panicked at") && line.contains(cause));
        ensure!(line.is_some_and(|line| line.chars().count() < 600), "{log}");
        Ok(())
    })
    .await?;

    fs::rename(&away, &bundle)?;
    eventually(PATIENCE, "votes are signed again", async || {
        let answer = vote()?;
        ensure!(answer.status == 200, "{answer:?}\n{}", signer.log());
        ensure!(backend(&signer)?["status"] == "UP", "{}", signer.log());
        Ok(())
    })
    .await?;
    assert_eq!(get(signer.management_port(), "/health/liveness")?.status, 200);
    assert!(signer.stop()?.success());
    Ok(())
}
