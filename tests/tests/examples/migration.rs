//! The documented voter with a hand-written signer migrates to an injected signer.

use anyhow::{Result, ensure};
use tests::operated::SOON;
use tests::{eventually, pods, workspace};

use crate::support::Example;

const DEPLOYMENT: &str = "deployment/atto-voter-gcp-kms";

async fn replica_sets(example: &Example) -> Result<usize> {
    let sets = example.place.kubectl_ok(&["get", "replicasets", "-o", "name"]).await?;
    Ok(sets.lines().count())
}

#[tokio::test]
async fn the_documented_voter_moves_over_in_one_rollout() -> Result<()> {
    let example = Example::new("migration").await?;
    example.token("atto-signer-secrets").await?;
    let place = &example.place;
    let account = ["create", "serviceaccount", "your-gcp-kms-enabled-sa"];
    place.kubectl_ok(&account).await?;
    let documented = workspace::root().join("tests/atto-docs/voter-with-signer-sidecar.yaml");
    let answer = example.try_apply(&documented).await?;
    ensure!(answer.succeeded, "{}", answer.stderr);
    let client = &place.client;
    pods::roll_out(client, &place.namespace, "atto-voter-gcp-kms").await?;
    assert_eq!(replica_sets(&example).await?, 1);

    // The steps of the example.
    example.apply("30-signerbinding.yaml").await?;
    place.condition("Injected", "False", "ForeignSigner").await?;
    place.kubectl_ok(&["rollout", "pause", DEPLOYMENT]).await?;
    example.apply("while-paused/20-voter.yaml").await?;
    let wait = [
        "wait",
        "signerbinding/voter",
        "--for=condition=Injected",
        "--timeout=60s",
    ];
    place.kubectl_ok(&wait).await?;
    assert_eq!(replica_sets(&example).await?, 1, "a pod was replaced while paused");
    place.kubectl_ok(&["rollout", "resume", DEPLOYMENT]).await?;
    pods::roll_out(client, &place.namespace, "atto-voter-gcp-kms").await?;
    eventually(SOON, "the one rollout", async || {
        let sets = replica_sets(&example).await?;
        ensure!(sets == 2, "{sets} ReplicaSets");
        Ok(())
    })
    .await?;
    assert!(example.has_signer("atto-voter-gcp-kms").await?);
    let containers = &example.object(DEPLOYMENT).await?["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers.as_array().map(Vec::len), Some(1), "{containers:#}");
    Ok(())
}

/// The manifest is the documented one, without the hand-written container.
#[test]
fn its_manifest_is_the_documented_one_without_the_signer() -> Result<()> {
    let read = |path: &str| std::fs::read_to_string(workspace::root().join(path));
    let documented = read("tests/atto-docs/voter-with-signer-sidecar.yaml")?;
    let kept = documented.split("        - name: signer\n").next().unwrap_or_default();
    let ours = read("examples/migration/while-paused/20-voter.yaml")?;
    assert!(ours.trim_end().ends_with(kept.trim_end()), "{ours}");
    Ok(())
}
