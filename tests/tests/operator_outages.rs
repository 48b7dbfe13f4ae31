//! kube-apiserver and etcd stop and restart during the operator's writes. This test has its own control plane.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::everyday::{self, Picture, STAGES, Stage};
use tests::faulty_api::{Fault, FaultyApi, For, Gate, Verb, Which};
use tests::operated::{Operated, Place, SOON, binding, voter, with};
use tests::operator_process::OperatorProcess;
use tests::{ControlPlane, chart, eventually};

struct Outages {
    cluster: &'static ControlPlane,
    operated: &'static Operated,
    api: FaultyApi,
    operator: OperatorProcess,
}

impl Outages {
    async fn start() -> Result<Self> {
        let cluster: &'static ControlPlane = Box::leak(Box::new(ControlPlane::start().await?));
        chart::install(cluster.admin(), &[]).await?;
        let identity = cluster
            .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
            .await?;
        let api = FaultyApi::start("operator", &identity, cluster.directory()).await?;
        Ok(Self {
            operated: Box::leak(Box::new(Operated::by_the_test(cluster))),
            operator: OperatorProcess::start_as(api.kubeconfig(), cluster.directory(), &[]).await?,
            cluster,
            api,
        })
    }

    /// Enters a stage, and returns while a write of the operator is on its way.
    async fn enter(&self, place: &Place, stage: Stage, fault: impl FnOnce(Gate) -> Fault) -> Result<Gate> {
        let gate = Gate::default();
        let write = Which::of(&[Verb::Patch], "deployments").within(&place.namespace);
        self.api.rule(write, fault(gate.clone()), For::Calls(1));
        everyday::enter(place, stage).await?;
        gate.is_reached().await;
        Ok(gate)
    }

    /// Waits as the kubelet does: an operator that has ended, because it could not renew its Lease, is started again.
    async fn comes_to(&mut self, place: &Place, stage: Stage, expected: &Picture) -> Result<()> {
        let (api, cluster, operator) = (&self.api, self.cluster, &mut self.operator);
        eventually(3 * SOON, &format!("{stage:?} after the outage"), async || {
            if operator.still_runs().is_err() {
                ensure!(operator.wait()?.code() == Some(75), "{}", operator.log());
                *operator = OperatorProcess::start_as(api.kubeconfig(), cluster.directory(), &[]).await?;
            }
            ensure!(everyday::picture(place).await? == *expected, "not yet");
            Ok(())
        })
        .await?;
        everyday::comes_to(place, stage, expected).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_the_voter_comes_to_the_same_and_each_change_is_written_once() -> Result<()> {
    let mut outages = Outages::start().await?;
    let cluster = outages.cluster;
    let expected = everyday::without_a_fault(&Place::on(outages.operated, "none").await?).await?;
    a_write_that_was_held_up_does_not_undo_a_later_one(&outages).await?;
    let place = Place::on(outages.operated, "outages").await?;

    // The API server crashes with the answer to the injection.
    let gate = outages.enter(&place, Stage::Applied, Fault::AnswerHeld).await?;
    cluster.kill_apiserver()?;
    gate.open().await;
    cluster.start_apiserver().await?;
    outages.comes_to(&place, Stage::Applied, &expected[0]).await?;

    // It crashes before the change has reached it.
    let gate = outages.enter(&place, Stage::Changed, Fault::Held).await?;
    cluster.kill_apiserver()?;
    gate.open().await;
    cluster.start_apiserver().await?;
    outages.comes_to(&place, Stage::Changed, &expected[1]).await?;

    // etcd crashes before the removal is written.
    let gate = outages.enter(&place, Stage::Removed, Fault::Held).await?;
    cluster.kill_etcd()?;
    let opened = tokio::spawn(async move { gate.open().await });
    cluster.start_etcd().await?;
    opened.await?;
    outages.comes_to(&place, Stage::Removed, &expected[2]).await?;
    everyday::was_written_once(&place)?;

    // An outage that is longer than the Lease ends the operator, and the restarted operator continues.
    let place = Place::on(outages.operated, "long").await?;
    everyday::enter(&place, Stage::Applied).await?;
    outages.comes_to(&place, Stage::Applied, &expected[0]).await?;
    cluster.kill_apiserver()?;
    assert_eq!(outages.operator.wait()?.code(), Some(75), "{}", outages.operator.log());
    cluster.start_apiserver().await?;
    for (stage, expected) in STAGES.into_iter().zip(&expected) {
        if stage != Stage::Applied {
            everyday::enter(&place, stage).await?;
        }
        outages.comes_to(&place, stage, expected).await?;
    }
    everyday::was_written_once(&place)
}

/// Not even during a rollout, while the Deployment's status changes. This rollout never ends, because no pod can be
/// created.
async fn a_write_that_was_held_up_does_not_undo_a_later_one(outages: &Outages) -> Result<()> {
    let place = Place::on(outages.operated, "held-up").await?;
    let without_pods = with(voter(), "/spec/template/spec/serviceAccountName", json!("missing"));
    place.apply(&without_pods).await?;
    place.apply(&binding()).await?;
    place.condition("RolledOut", "False", "PodsNotCreated").await?;
    let gate = Gate::default();
    let write = Which::of(&[Verb::Patch], "deployments").within(&place.namespace);
    outages.api.rule(write, Fault::Held(gate.clone()), For::Calls(1));
    let logging = |level: &str| with(binding(), "/spec/signer", json!({"logLevel": level}));
    place.apply(&logging("debug")).await?;
    gate.is_reached().await;
    place.apply(&logging("error")).await?;
    eventually(2 * SOON, "the later change", async || {
        let text = place.deployment().await?["spec"].to_string();
        ensure!(text.contains("\"error\""), "{text}");
        Ok(())
    })
    .await?;
    let before = place.deployment().await?;
    gate.open().await;
    let after = place.deployment().await?;
    assert_eq!(after["metadata"]["generation"], before["metadata"]["generation"]);
    assert_eq!(after["spec"], before["spec"]);
    Ok(())
}
