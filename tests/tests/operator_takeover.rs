//! One operator takes over from another during its work. The voter reaches the same state, each change causes one
//! rollout, and an operator that no longer leads writes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use crds::SignerBinding;
use kube::Api;
use kube::api::{Patch, PatchParams};
use nix::sys::signal::Signal;
use serde_json::json;
use tests::control_plane::Request;
use tests::everyday::{self, Picture, STAGES, Stage};
use tests::faulty_api::{Fault, FaultyApi, For, Gate, Verb, Which};
use tests::operated::{Operated, Place, SOON, VOTER};
use tests::operator_process::OperatorProcess;
use tests::write::write;
use tests::{ControlPlane, chart, eventually};

/// One operator, with its own proxy to the API server.
struct Replica {
    name: &'static str,
    api: FaultyApi,
    operator: OperatorProcess,
}

impl Replica {
    async fn start(plane: &ControlPlane, name: &'static str) -> Result<Self> {
        let identity = plane.service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT).await?;
        let api = FaultyApi::start(name, &identity, plane.directory()).await?;
        let operator = OperatorProcess::start_as(api.kubeconfig(), plane.directory(), &[]).await?;
        Ok(Self { name, api, operator })
    }
}

async fn finish(place: &Place, expected: &[Picture; 3]) -> Result<()> {
    for (stage, expected) in STAGES.into_iter().zip(expected).skip(1) {
        everyday::enter(place, stage).await?;
        everyday::comes_to(place, stage, expected).await?;
    }
    everyday::was_written_once(place)
}

/// When each replica got the Lease, in the API server's time.
fn reigns(requests: &[Request]) -> Vec<(&str, &str)> {
    let mut reigns: Vec<(&str, &str)> = vec![];
    let mut renewals: Vec<_> = requests
        .iter()
        .filter(|request| request.resource() == "leases")
        .collect();
    renewals.retain(|request| request.user() == chart::OPERATOR && request.is_write() && request.succeeded());
    renewals.sort_by(|one, other| one.received.cmp(&other.received));
    for renewal in renewals {
        if reigns.last().is_none_or(|(who, _)| *who != renewal.user_agent) {
            reigns.push((&renewal.user_agent, &renewal.received));
        }
    }
    reigns
}

/// Every successful write was made by the operator that held the Lease when the write was answered.
fn only_the_leader_wrote(requests: &[Request]) -> Result<()> {
    let reigns = reigns(requests);
    for write in requests {
        let counts = write.user() == chart::OPERATOR && write.is_write() && write.succeeded();
        if !counts || write.resource() == "leases" {
            continue;
        }
        let begun = reigns.iter().rev().find(|(_, since)| *since <= write.answered.as_str());
        let (leader, since) = begun.context("a write before anybody led")?;
        ensure!(
            *leader == write.user_agent,
            "{} wrote {} {} at {}, but {leader} leads since {since}",
            write.user_agent,
            write.verb,
            write.uri,
            write.answered
        );
    }
    Ok(())
}

/// A replica that still runs after it has lost the Lease does not even try to write.
fn tried_nothing_after_its_reign(requests: &[Request], name: &str) -> Result<()> {
    let reigns = reigns(requests);
    let its_own = reigns
        .iter()
        .position(|(who, _)| *who == name)
        .context("it never led")?;
    let (next, since) = reigns.get(its_own + 1).context("nobody led after it")?;
    let late = requests
        .iter()
        .filter(|request| request.user_agent == name && request.is_write() && request.resource() != "leases")
        .find(|request| request.received.as_str() >= *since);
    if let Some(write) = late {
        anyhow::bail!(
            "{name} sent {} {} although {next} leads since {since}",
            write.verb,
            write.uri
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_over_brings_the_work_to_its_end_and_the_one_before_writes_nothing_more() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    chart::install(plane.admin(), &[]).await?;
    let operated: &'static Operated = Box::leak(Box::new(Operated::by_the_test(plane)));
    let first = Replica::start(plane, "first").await?;
    first.operator.becomes_leader().await?;
    let second = Replica::start(plane, "second").await?;
    let expected = everyday::without_a_fault(&Place::on(operated, "none").await?).await?;

    killed_in_the_middle_of_a_write(operated, first, &second, &expected).await?;
    let third = Replica::start(plane, "third").await?;
    cut_off_from_its_lease(operated, second, &third, &expected).await?;
    let fourth = Replica::start(plane, "fourth").await?;
    stopped_before_a_write(operated, third, &fourth, &expected).await?;

    let requests = plane.requests()?;
    only_the_leader_wrote(&requests)?;
    for name in ["second", "third"] {
        tried_nothing_after_its_reign(&requests, name)?;
    }
    let order: Vec<_> = reigns(&requests).into_iter().map(|(who, _)| who.to_owned()).collect();
    assert_eq!(order, ["first", "second", "third", "fourth"]);
    Ok(())
}

/// Once before its write has reached the API server, and once before it has the answer.
async fn killed_in_the_middle_of_a_write(
    operated: &'static Operated,
    mut leader: Replica,
    next: &Replica,
    expected: &[Picture; 3],
) -> Result<()> {
    let (before, after) = (
        Place::on(operated, "killed-before").await?,
        Place::on(operated, "killed-after").await?,
    );
    let (held, answer_held) = (Gate::default(), Gate::default());
    let write = Which::of(&[Verb::Patch], "deployments");
    let faults = [
        (&before, Fault::Held(held.clone())),
        (&after, Fault::AnswerHeld(answer_held.clone())),
    ];
    for (place, fault) in faults {
        leader
            .api
            .rule(write.clone().within(&place.namespace), fault, For::Calls(1));
        everyday::enter(place, Stage::Applied).await?;
    }
    held.is_reached().await;
    answer_held.is_reached().await;
    leader.operator.signal(Signal::SIGKILL)?;
    leader.operator.wait()?;

    next.operator.becomes_leader().await?;
    for place in [&before, &after] {
        everyday::comes_to(place, Stage::Applied, &expected[0]).await?;
    }
    // Now the write of the killed operator arrives.
    held.open().await;
    let late = operated.plane.requests()?.into_iter().find(|request| {
        request.user_agent == leader.name
            && request.namespace() == before.namespace
            && request.resource() == "deployments"
            && request.verb == "patch"
    });
    assert_eq!(
        late.and_then(|request| request.code()),
        Some(409),
        "the late write was let through"
    );
    for place in [&before, &after] {
        everyday::comes_to(place, Stage::Applied, &expected[0]).await?;
        let sets = place.kubectl_ok(&["get", "replicasets", "-o", "name"]).await?;
        assert_eq!(sets.lines().count(), 2, "one for each template: {sets}");
        finish(place, expected).await?;
    }
    Ok(())
}

/// Its renewals no longer reach the API server, but all other requests do. It always has work.
async fn cut_off_from_its_lease(
    operated: &'static Operated,
    mut leader: Replica,
    next: &Replica,
    expected: &[Picture; 3],
) -> Result<()> {
    let busy = Place::on(operated, "busy").await?;
    everyday::enter(&busy, Stage::Applied).await?;
    everyday::comes_to(&busy, Stage::Applied, &expected[0]).await?;
    let done = Arc::new(AtomicBool::default());
    let changes = tokio::spawn(keep_changing(busy, done.clone()));

    let held = Gate::default();
    leader.api.rule(
        Which::of(&[Verb::Update], "leases"),
        Fault::Held(held.clone()),
        For::Ever,
    );
    leader
        .api
        .rule(Which::of(&[Verb::Get], "leases"), Fault::Dropped, For::Ever);
    held.is_reached().await;
    assert_eq!(leader.operator.wait()?.code(), Some(75), "{}", leader.operator.log());
    next.operator.becomes_leader().await?;
    // Now its renewals arrive.
    held.open().await;
    assert!(next.operator.leads().await?);

    done.store(true, Ordering::SeqCst);
    let busy = changes.await??;
    everyday::enter(&busy, Stage::Removed).await?;
    // The number of changes is not known.
    let mut expected = expected[2].clone();
    eventually(SOON, "the binding is gone", async || {
        let found = everyday::picture(&busy).await?;
        ensure!(found["finalizers"].is_null(), "{found}");
        expected["generation"] = found["generation"].clone();
        Ok(())
    })
    .await?;
    everyday::comes_to(&busy, Stage::Removed, &expected).await
}

/// Changes the rendered template repeatedly.
async fn keep_changing(place: Place, done: Arc<AtomicBool>) -> Result<Place> {
    let bindings: Api<SignerBinding> = Api::namespaced(place.client.clone(), &place.namespace);
    for level in ["debug", "warn"].into_iter().cycle() {
        if done.load(Ordering::SeqCst) {
            break;
        }
        let plain = PatchParams::default();
        let change = Patch::Merge(json!({ "spec": { "signer": { "logLevel": level } } }));
        write(|| bindings.patch(VOTER, &plain, &change)).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(place)
}

/// Like a computer that swaps or is suspended. It continues with its next step, which is a write.
async fn stopped_before_a_write(
    operated: &'static Operated,
    mut leader: Replica,
    next: &Replica,
    expected: &[Picture; 3],
) -> Result<()> {
    let place = Place::on(operated, "stopped").await?;
    let held = Gate::default();
    // The key's Secret is the last object that is read before the Deployment is written.
    let last_read = Which::of(&[Verb::Get], "secrets").named("key").within(&place.namespace);
    leader.api.rule(last_read, Fault::AnswerHeld(held.clone()), For::Ever);
    everyday::enter(&place, Stage::Applied).await?;
    held.is_reached().await;
    leader.operator.signal(Signal::SIGSTOP)?;
    next.operator.becomes_leader().await?;
    everyday::comes_to(&place, Stage::Applied, &expected[0]).await?;
    held.open().await;
    leader.operator.signal(Signal::SIGCONT)?;
    assert_eq!(leader.operator.wait()?.code(), Some(75), "{}", leader.operator.log());
    finish(&place, expected).await
}
