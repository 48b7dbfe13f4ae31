//! If new Deployments are not held, because Kubernetes is too old or because of the chart's values, kubectl prints
//! advice, and a voter that is created by this advice starts with its signer.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::operated::{Operated, Place, SOON, binding, voter, with};
use tests::replica_sets::ReplicaSets;
use tests::{chart, eventually};

const WARN: &str = "--set=guard.creation=Warn";
const DENY: &str = "--set=guard.creation=Deny";

/// The policy's message after the name of the binding.
const ADVICE: &str = "names this Deployment, whose first pods would start without their signer";

/// Whether the voter would be created, and kubectl's output.
async fn tried(place: &Place) -> Result<(bool, String)> {
    let create = ["create", "--dry-run=server", "-f", "-"];
    let answer = place.kubectl(&create, &voter().to_string()).await?;
    Ok((answer.succeeded, answer.stderr))
}

#[tokio::test]
async fn whoever_creates_a_voter_is_told_to_create_it_paused() -> Result<()> {
    let place = Place::on(Operated::with_chart(&[WARN]).await?, "told").await?;
    place.apply(&binding()).await?;
    eventually(2 * SOON, "the warning", async || {
        let (is_created, said) = tried(&place).await?;
        ensure!(
            is_created && said.contains("Warning:") && said.contains(ADVICE),
            "{said}"
        );
        ensure!(said.contains("spec.paused true"), "it does not say what to do: {said}");
        Ok(())
    })
    .await?;

    let sets = ReplicaSets::of(place.client.clone(), &place.namespace).await?;
    place.apply(&with(voter(), "/spec/paused", json!(true))).await?;
    place.condition("Injected", "True", "Injected").await?;
    place.kubectl_ok(&["rollout", "resume", "deployment/voter"]).await?;
    eventually(SOON, "its ReplicaSet", async || {
        ensure!(sets.count() > 0, "none was made");
        Ok(())
    })
    .await?;
    sets.are_whole().await?;

    // The same cluster, after an upgrade of the release.
    place.kubectl_ok(&["delete", "deployment", "voter"]).await?;
    chart::install(place.operated.plane.admin(), &[DENY]).await?;
    eventually(2 * SOON, "the refusal", async || {
        let (is_created, said) = tried(&place).await?;
        ensure!(!is_created && said.contains(ADVICE), "{said}");
        Ok(())
    })
    .await?;
    place.apply(&with(voter(), "/spec/paused", json!(true))).await
}
