//! A client disconnects before its answer. The key signs anyway, so metrics and audit trail must record it.

use std::fs;
use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use data_encoding::HEXUPPER;
use serde_json::{Value, json};
use tests::fake_kms::{FakeKms, Fault, Method};
use tests::fake_server::For;
use tests::node_client::random_vote;
use tests::process::Directory;
use tests::signer_process::{TOKEN, connect, head};

use crate::support::ready_with;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_signature_that_nobody_waits_for_is_counted_and_written_down() -> Result<()> {
    let kms = FakeKms::start([5; 32])?;
    let directory = Directory::new()?;
    let trail = directory.path().join("audit.jsonl");
    let changes = [
        ("ATTO_SIGNER_AUDIT_FILE", trail.to_str().unwrap()),
        ("ATTO_SIGNER_DEADLINE", "30s"),
    ];
    let mut signer = ready_with(&kms, &changes).await;
    assert!(
        signer.log().contains("ATTO_SIGNER_DEADLINE: found 30000 ms"),
        "{}",
        signer.log()
    );
    kms.faults(Method::AsymmetricSign)
        .push(Fault::Delay(Duration::from_millis(400)), For::Ever);
    let vote = random_vote(&kms.verifying_key());
    let mut client = connect(signer.port())?;
    client.write_all(format!("{}{}", head(vote.path, TOKEN, vote.body.len(), ""), vote.body).as_bytes())?;
    signer
        .until("KMS is asked", |_| Ok(kms.calls().to_sign(&vote.hash) == 1))
        .await
        .unwrap();
    drop(client);

    let line = || {
        let text = fs::read_to_string(&trail).unwrap_or_default();
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["event"] == "decision")
    };
    signer
        .until("the trail tells of it", |_| Ok(line().is_some()))
        .await
        .unwrap();
    let line = line().unwrap();
    let told = ["kind", "outcome", "reason", "hash", "final", "attempts", "cached"].map(|name| &line[name]);
    let hash = HEXUPPER.encode(&vote.hash);
    assert_eq!(
        json!(told),
        json!(["VOTE", "failed", "client_gone", hash, true, 1, false]),
        "{line}"
    );
    let metrics = signer.management("/prometheus")?.body;
    for line in [
        r#"atto_signer_signatures_total{kind="vote",outcome="failed"} 1"#,
        r#"atto_signer_signature_duration_seconds_count{kind="vote",outcome="failed"} 1"#,
        r#"atto_signer_refusals_total{reason="client_gone"} 1"#,
        r#"http_server_requests_seconds_count{method="POST",outcome="UNKNOWN",status="UNKNOWN",uri="/votes"} 1"#,
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} is missing in:\n{metrics}"
        );
    }
    Ok(())
}
