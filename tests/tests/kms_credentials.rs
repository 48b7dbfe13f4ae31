//! The real signer's credentials against a metadata server that is late, refuses or never answers: it has a token in the
//! end, without a new start.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::{StreamExt, stream};
use tests::eventually;
use tests::fake_kms::KEY_VERSION;
use tests::fake_metadata::{EMAIL, FakeMetadata, Fault};
use tests::fake_server::{For, Front};
use tests::process::{Directory, Port, Process};
use tests::signer_process::{environment, program};

const PATIENCE: Duration = Duration::from_mins(2);

/// `https`, which keeps the credentials, to a port where nobody listens.
async fn has_a_token_in_the_end(what: &str, metadata: &FakeMetadata, appear: bool) -> Result<()> {
    let ports = [Port::reserve()?, Port::reserve()?, Port::reserve()?];
    let directory = Directory::new()?;
    let log = directory.path().join("signer.log");
    let mut process = Process::start(program()?, &log, directory.lifeline(), |command| {
        let [port, management, nobody] = ports.each_ref().map(|port| port.number().to_string());
        command.env_clear().envs(environment(&port, &management)).envs([
            ("ATTO_SIGNER_BACKEND", "GCP"),
            ("ATTO_SIGNER_KEY", KEY_VERSION),
            ("ATTO_SIGNER_GCP_ENDPOINT", &format!("https://127.0.0.1:{nobody}")),
            ("GCE_METADATA_HOST", &metadata.host()),
        ]);
    })?;
    let says = || fs::read_to_string(&log).unwrap_or_default();
    if appear {
        eventually(PATIENCE, &format!("{what}: it tells"), async || {
            ensure!(says().contains("the key cannot be used yet"), "{}", says());
            Ok(())
        })
        .await?;
        metadata.set_front(Front::Serving).await?;
    }
    eventually(PATIENCE, &format!("{what}: a token is given"), async || {
        process.still_runs()?;
        ensure!(metadata.tokens().1 > 0, "{:?}: {}", metadata.tokens(), says());
        Ok(())
    })
    .await?;
    assert!(metadata.token_faults().is_empty(), "{what}");
    eventually(PATIENCE, &format!("{what}: it says who it is"), async || {
        ensure!(says().contains(&format!("asking KMS as {EMAIL}")), "{}", says());
        Ok(())
    })
    .await?;
    assert!(!says().contains("token-1"), "a token is never told: {}", says());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_metadata_server_that_refuses_hangs_or_is_late_is_asked_again() {
    let cases = [
        ("well", Front::Serving, None),
        ("403", Front::Serving, Some(Fault::Status(403))),
        ("404", Front::Serving, Some(Fault::Status(404))),
        ("503", Front::Serving, Some(Fault::Status(503))),
        ("dropped", Front::Serving, Some(Fault::Drop)),
        ("hangs", Front::Serving, Some(Fault::Hang)),
        ("absent", Front::Refusing, None),
        ("silent", Front::Silent, None),
    ];
    stream::iter(cases)
        .for_each_concurrent(8, async |(what, front, fault)| {
            let metadata = FakeMetadata::start(front).unwrap();
            if let Some(fault) = fault {
                metadata.token_faults().push(fault, For::Calls(2));
            }
            let result = has_a_token_in_the_end(what, &metadata, front != Front::Serving).await;
            result.unwrap_or_else(|error| panic!("{error:#}"));
        })
        .await;
}
