//! Prometheus' own tool finds no problem in the programs' metrics.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};
use tests::assets;
use tests::fake_kms::FakeKms;
use tests::node_client::random_vote;
use tests::operated::Place;
use tests::signer_process::{PUBLIC_KEY, SignerProcess, TOKEN, get, in_kms, post};

fn check(metrics: &str) -> Result<Output> {
    let mut promtool = Command::new(assets::promtool()?)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = promtool.stdin.take().context("a pipe")?;
    input.write_all(metrics.as_bytes())?;
    drop(input);
    Ok(promtool.wait_with_output()?)
}

fn is_clean(signer: &SignerProcess) -> Result<()> {
    passes(&get(signer.management_port(), "/prometheus")?.body, "atto_signer_")
}

fn passes(metrics: &str, prefix: &str) -> Result<()> {
    assert!(metrics.contains(prefix), "{metrics}");
    let output = check(metrics)?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        output.status.success() && said.is_empty(),
        "{}: {said}\n{metrics}",
        output.status
    );
    Ok(())
}

#[test]
fn the_metrics_of_a_local_key_are_clean() -> Result<()> {
    let signer = SignerProcess::start(&[])?;
    is_clean(&signer)?;
    let answer = post(signer.port(), "/votes", TOKEN, "{}")?;
    assert_eq!(answer.status, 400);
    assert_eq!(post(signer.port(), "/votes", "another", "{}")?.status, 401);
    is_clean(&signer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_of_a_key_in_kms_are_clean() -> Result<()> {
    let kms = FakeKms::start([31; 32])?;
    let (endpoint, vote) = (kms.endpoint(), random_vote(&kms.verifying_key()));
    tokio::task::spawn_blocking(move || {
        let signer = SignerProcess::start(&in_kms(&endpoint))?;
        assert_eq!(post(signer.port(), vote.path, TOKEN, &vote.body)?.status, 200);
        is_clean(&signer)
    })
    .await?
}

#[test]
fn the_tool_complains_about_what_is_not_clean() -> Result<()> {
    let output = check(&format!("# TYPE votes counter\nvotes{{key=\"{PUBLIC_KEY}\"}} 1\n"))?;
    assert!(!output.status.success());
    let said = String::from_utf8([output.stdout, output.stderr].concat())?;
    assert!(said.contains("counter metrics should have \"_total\" suffix"), "{said}");
    Ok(())
}

#[tokio::test]
async fn the_metrics_of_an_operator_are_clean() -> Result<()> {
    let place = Place::new("metrics").await?;
    place.injected().await?;
    let metrics = place.operated.get("/metrics").await?.body;
    passes(&metrics, "atto_signer_operator_deployments_without_ready_pod{")?;
    passes(&metrics, "atto_signer_operator_binding_condition{")?;
    let ours = ["atto_signer_operator_", "# "];
    let others: Vec<_> = metrics
        .lines()
        .filter(|line| !ours.iter().any(|start| line.starts_with(start)))
        .collect();
    assert_eq!(others, Vec::<&str>::new(), "each has the prefix");
    Ok(())
}
