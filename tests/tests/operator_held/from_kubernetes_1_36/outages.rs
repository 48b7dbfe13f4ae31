//! A held Deployment stays held without the operator, the API server or the CustomResourceDefinition. This test has its
//! own control plane.

use anyhow::{Result, ensure};
use nix::sys::signal::Signal;
use serde_json::json;
use tests::faulty_api::{Fault, FaultyApi, For, Gate, Rule, Verb, Which};
use tests::hold::{can_hold, holds, is_held, is_resumed, tried};
use tests::operated::{Operated, SOON, binding, voter, with};
use tests::operator_process::OperatorProcess;
use tests::replica_sets::is_whole;
use tests::{ControlPlane, chart, eventually};

use super::held::{BINDING, DEPLOYMENT, Held, TOO_OLD};

struct Outages {
    cluster: &'static ControlPlane,
    operated: &'static Operated,
    api: FaultyApi,
}

impl Outages {
    async fn operator(&self) -> Result<OperatorProcess> {
        OperatorProcess::start_as(self.api.kubeconfig(), self.cluster.directory(), &[]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_outlasts_operator_api_server_and_definition() -> Result<()> {
    let cluster: &'static ControlPlane = Box::leak(Box::new(ControlPlane::start().await?));
    ensure!(can_hold(cluster).await?, TOO_OLD);
    chart::install(cluster.admin(), &[]).await?;
    let identity = cluster
        .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
        .await?;
    let outages = Outages {
        operated: Box::leak(Box::new(Operated::by_the_test(cluster))),
        api: FaultyApi::start("operator", &identity, cluster.directory()).await?,
        cluster,
    };
    holds(outages.operated).await?;
    killed_between_injection_and_resumption(&outages).await?;
    away_while_the_binding_goes(&outages).await?;
    the_api_server_starts_anew(&outages).await?;
    without_the_definition(&outages).await
}

async fn killed_between_injection_and_resumption(outages: &Outages) -> Result<()> {
    let held = Held::on(outages.operated, "killed").await?;
    held.place.apply(&binding()).await?;
    let mut operator = outages.operator().await?;
    held.place.condition("Injected", "False", "DeploymentNotFound").await?;
    // A write that failed because the Deployment's controller was faster is repeated.
    let gates = [(); 20].map(|()| Gate::default());
    let rules = gates.each_ref().map(|gate| {
        let write = Which::of(&[Verb::Patch], "deployments").within(&held.place.namespace);
        outages.api.rule(write, Fault::AnswerHeld(gate.clone()), For::Calls(1))
    });
    held.place.apply(&voter()).await?;
    for gate in &gates {
        gate.is_reached().await;
        if is_whole(&held.place.deployment().await?["spec"]["template"]) {
            break;
        }
        gate.open().await;
    }
    operator.signal(Signal::SIGKILL)?;
    operator.wait()?;
    let between = held.place.deployment().await?;
    is_held(&between)?;
    ensure!(is_whole(&between["spec"]["template"]), "not injected yet: {between}");
    rules.iter().for_each(Rule::lift);
    let operator = outages.operator().await?;
    held.goes_on_whole().await?;
    operator.stop()?;
    Ok(())
}

async fn away_while_the_binding_goes(outages: &Outages) -> Result<()> {
    let held = Held::on(outages.operated, "away").await?;
    held.place.apply(&binding()).await?;
    held.place.apply(&voter()).await?;
    is_held(&held.place.deployment().await?)?;
    held.place.kubectl_ok(&["delete", "sb", BINDING]).await?;
    let operator = outages.operator().await?;
    let counted = eventually(SOON, "it is counted", async || {
        let page = operator.get("/metrics").await?.body;
        ensure!(page.contains("\natto_signer_operator_held_deployments 1\n"), "{page}");
        Ok(())
    });
    counted.await?;
    eventually(2 * SOON, "it is let go", async || {
        is_resumed(&held.place.deployment().await?)
    })
    .await?;
    operator.stop()?;
    Ok(())
}

async fn the_api_server_starts_anew(outages: &Outages) -> Result<()> {
    let held = Held::on(outages.operated, "server").await?;
    held.lose_the_token().await?;
    held.place.apply(&binding()).await?;
    held.place.apply(&voter()).await?;
    is_held(&held.place.deployment().await?)?;
    outages.cluster.kill_apiserver()?;
    outages.cluster.start_apiserver().await?;
    let began = std::time::Instant::now();
    is_held(&held.place.deployment().await?)?;
    let other = Held::on(outages.operated, "anew").await?;
    other.place.apply(&binding()).await?;
    eventually(2 * SOON, "a new Deployment is held", async || {
        ensure!(tried(&other.place, &voter()).await?.is_some(), "it is not held");
        Ok(())
    })
    .await?;
    eprintln!("held again {:?} after the API server was ready", began.elapsed());
    let operator = outages.operator().await?;
    held.bring_the_token().await?;
    held.goes_on_whole().await?;
    operator.stop()?;
    Ok(())
}

async fn without_the_definition(outages: &Outages) -> Result<()> {
    let held = Held::on(outages.operated, "undefined").await?;
    held.place.apply(&binding()).await?;
    let crd = "crd/signerbindings.signer.atto.cash";
    held.place.kubectl_ok(&["delete", crd]).await?;
    let paused = with(voter(), "/spec/paused", json!(true));
    held.place.apply(&paused).await?;
    held.place.kubectl_ok(&["rollout", "resume", DEPLOYMENT]).await?;
    held.place.kubectl_ok(&["delete", DEPLOYMENT]).await?;
    held.place.apply(&voter()).await?;
    is_resumed(&held.place.deployment().await?)
}
