//! With any fault of the operator's requests, a voter reaches the same state as without faults, and each change is
//! written once.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use tests::everyday::{self, Picture, STAGES, Stage};
use tests::faulty_api::{Fault, FaultyApi, For, Gate, Verb, Which};
use tests::operated::{Operated, Place, SOON, VOTER, binding, vault_key, voter, with};
use tests::{ControlPlane, eventually, hold};

use Fault::{AnswerHeld, Answered, Dropped, Late, Lost, SentLate, Silent, Twice};
use Stage::{Applied, Changed, Removed};
use Verb::{Create, Delete, Get, List, Patch};

/// Every verb of a reconcile.
const ANY: &[Verb] = &[Get, List, Create, Patch, Delete];

/// Longer than a request of a reconcile may take.
const TOO_LATE: Duration = Duration::from_secs(11);

/// A fault, the requests that meet it, how many of them, and in which stages.
struct Row {
    name: &'static str,
    which: Which,
    fault: Fault,
    calls: For,
    stages: &'static [Stage],
}

fn row(name: &'static str, verbs: &[Verb], resource: &str, fault: Fault, calls: u64, stages: &'static [Stage]) -> Row {
    let which = match resource {
        "" => Which::all(verbs),
        resource => Which::of(verbs, resource),
    };
    Row {
        name,
        which,
        fault,
        calls: For::Calls(calls),
        stages,
    }
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let (bindings, status) = ("signerbindings", "signerbindings/status");
    let late = Late(Duration::from_secs(1));
    vec![
        row("apply-lost", &[Patch], "deployments", Lost, 1, &STAGES),
        row("apply-dropped", &[Patch], "deployments", Dropped, 3, &STAGES),
        row("apply-late", &[Patch], "deployments", late, 1, &STAGES),
        row("apply-silent", &[Patch], "deployments", Silent, 1, &[Applied]),
        row("change-silent", &[Patch], "deployments", Silent, 1, &[Changed]),
        row("removal-silent", &[Patch], "deployments", Silent, 1, &[Removed]),
        row("apply-sent-late", &[Patch], "deployments", SentLate(TOO_LATE), 1, &[Applied]),
        row("removal-sent-late", &[Patch], "deployments", SentLate(TOO_LATE), 1, &[Removed]),
        row("apply-409", &[Patch], "deployments", Answered(409), 3, &STAGES),
        row("apply-429", &[Patch], "deployments", Answered(429), 2, &STAGES),
        row("apply-500", &[Patch], "deployments", Answered(500), 2, &STAGES),
        row("apply-502", &[Patch], "deployments", Answered(502), 2, &STAGES),
        row("finalizer-lost", &[Patch], bindings, Lost, 1, &[Applied, Removed]),
        row("finalizer-409", &[Patch], bindings, Answered(409), 3, &[Applied, Removed]),
        row("status-lost", &[Patch], status, Lost, 2, &[Applied, Changed]),
        row("status-silent", &[Patch], status, Silent, 1, &[Applied]),
        row("status-409", &[Patch], status, Answered(409), 3, &[Applied, Changed]),
        row("service-lost", &[Patch, Delete], "services", Lost, 1, &[Applied, Removed]),
        row("service-503", &[Patch, Delete], "services", Answered(503), 3, &[Applied, Removed]),
        row("event-lost", &[Create], "events", Lost, 4, &[Applied, Removed]),
        row("event-500", &[Create], "events", Answered(500), 4, &[Applied, Removed]),
        row("read-silent", &[Get], "deployments", Silent, 1, &[Changed]),
        row("any-lost", ANY, "", Lost, 3, &STAGES),
        row("any-409", ANY, "", Answered(409), 3, &STAGES),
        row("any-429", ANY, "", Answered(429), 3, &STAGES),
        row("any-500", ANY, "", Answered(500), 3, &STAGES),
        row("writes-twice", &[Create, Patch, Delete], "", Twice, 100, &STAGES),
    ]
}

async fn passes(row: Row, api: &FaultyApi, operated: &'static Operated, expected: &[Picture; 3]) -> Result<()> {
    let place = Place::on(operated, row.name).await?;
    for (stage, picture) in STAGES.into_iter().zip(expected) {
        let rule = row.stages.contains(&stage).then(|| {
            let which = row.which.clone().within(&place.namespace);
            api.rule(which, row.fault.clone(), row.calls)
        });
        everyday::enter(&place, stage).await?;
        everyday::comes_to(&place, stage, picture).await?;
        if let Some(rule) = rule {
            ensure!(rule.met() > 0, "{stage:?}: no request met the fault");
            rule.lift();
        }
    }
    // A request that the network delivers twice arrives twice. The generation in each picture shows that the second one
    // changes nothing.
    if matches!(row.fault, SentLate(_) | Twice) {
        return Ok(());
    }
    everyday::was_written_once(&place)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_request_meets_the_voter_comes_to_the_same_and_each_change_is_written_once() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    let (api, operated) = Operated::behind_faults(plane).await?;
    let expected = everyday::without_a_fault(&Place::on(operated, "none").await?).await?;
    let (api, expected) = (&api, &expected);
    let failures: Vec<_> = stream::iter(rows())
        .map(|row| async move {
            let name = row.name;
            let passed = passes(row, api, operated, expected).await;
            let log = || {
                let log = operated.log();
                let of_this = log.lines().filter(|line| line.contains(&format!("voter.{name}-")));
                of_this.collect::<Vec<_>>().join("\n")
            };
            passed.err().map(|error| format!("{name}: {error:#}\n{}", log()))
        })
        .buffer_unordered(9)
        .filter_map(std::future::ready)
        .collect()
        .await;
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    what_one_deployment_meets_is_not_kept_from_the_report_about_the_others(api, operated).await?;
    what_was_written_is_told_although_the_service_fails(api, operated).await?;
    a_removal_is_ended_although_the_deployment_changes_meanwhile(api, operated).await
}

fn named(name: &str) -> Value {
    let mut deployment = with(voter(), "/metadata/name", json!(name));
    deployment["metadata"]["labels"] = json!({"app": name, "signed": "yes"});
    deployment["spec"]["selector"]["matchLabels"]["app"] = json!(name);
    deployment["spec"]["template"]["metadata"]["labels"]["app"] = json!(name);
    deployment
}

/// One of two Deployments changes at each write.
async fn what_one_deployment_meets_is_not_kept_from_the_report_about_the_others(
    api: &FaultyApi,
    operated: &'static Operated,
) -> Result<()> {
    let place = Place::on(operated, "one-of-two").await?;
    for name in ["a", "b"] {
        place.apply(&named(name)).await?;
    }
    let writes = Which::of(&[Patch], "deployments").within(&place.namespace).named("b");
    let rule = api.rule(writes, Answered(409), For::Ever);
    let selector = json!({"matchLabels": {"signed": "yes"}});
    place
        .apply(&with(binding(), "/spec/target", json!({"selector": selector})))
        .await?;
    eventually(SOON, "a report about a and b", async || {
        let status = place.binding().await?.status.unwrap_or_default();
        let found: Vec<_> = status
            .targets
            .iter()
            .map(|target| (&*target.name, target.injected))
            .collect();
        ensure!(found == [("a", true), ("b", false)], "{found:?}");
        Ok(())
    })
    .await?;
    let message = place.condition("Injected", "False", "Progressing").await?;
    ensure!(message.contains("Deployment b"), "{message}");
    place.tells("Deployment", "Injected").await?;
    rule.lift();
    place.condition("Injected", "True", "Injected").await.map(drop)
}

/// The Deployment is written but its Service is not, so the next reconcile finds nothing to report about the
/// Deployment.
async fn what_was_written_is_told_although_the_service_fails(
    api: &FaultyApi,
    operated: &'static Operated,
) -> Result<()> {
    let place = Place::on(operated, "told").await?;
    let services = Which::of(&[Patch], "services").within(&place.namespace);
    api.rule(services, Answered(500), For::Calls(2));
    place.apply(&voter()).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    place.told_once("Injected").await
}

/// A removal needs two writes if some of the operator's fields are not recorded as its own, and after the first write
/// nothing records them. For example, volumes that the API server has restored in another client's request have no
/// recorded manager.
async fn a_removal_is_ended_although_the_deployment_changes_meanwhile(
    api: &FaultyApi,
    operated: &'static Operated,
) -> Result<()> {
    if !hold::can_hold(operated.plane).await? {
        return Ok(());
    }
    let place = Place::on(operated, "unfinished").await?;
    let null = with(voter(), "/spec/template/spec/volumes", Value::Null);
    place.apply(&null).await?;
    let bare = place.deployment().await?["spec"].clone();
    let removing = with(binding(), "/spec/deletionPolicy", json!("Remove"));
    place.apply(&with(removing, "/spec/key", vault_key())).await?;
    place.condition("Injected", "True", "Injected").await?;
    hold::holds(operated).await?;

    let patches = || Which::of(&[Patch], "deployments").within(&place.namespace);
    let kept_out = api.rule(patches(), Dropped, For::Ever);
    let newer = with(
        null,
        "/spec/template/spec/containers/0/image",
        json!("registry.example/node:2"),
    );
    place.apply(&newer).await?;
    eventually(SOON, "a repair that does not reach the API server", async || {
        ensure!(kept_out.met() > 0, "none yet");
        Ok(())
    })
    .await?;
    let held = Gate::default();
    api.rule(patches(), AnswerHeld(held.clone()), For::Calls(1));
    place
        .kubectl_ok(&["delete", "signerbinding", VOTER, "--wait=false"])
        .await?;
    kept_out.lift();
    held.is_reached().await;
    place
        .kubectl_ok(&["annotate", "deployment", VOTER, "changed=meanwhile"])
        .await?;
    held.open().await;
    place
        .kubectl_ok(&["wait", "signerbinding", VOTER, "--for=delete", "--timeout=60s"])
        .await?;
    let after = place.deployment().await?["spec"].clone();
    let bare = with(
        bare,
        "/template/spec/containers/0/image",
        json!("registry.example/node:2"),
    );
    ensure!(after == bare, "removal leaves {after}, and it was {bare}");
    Ok(())
}
