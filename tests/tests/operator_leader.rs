//! Of several operators, one acts and another takes over. An operator that has lost its Lease writes nothing more.

use std::fs;

use anyhow::{Result, ensure};
use nix::sys::signal::Signal;
use tests::faulty_api::{Fault, FaultyApi, For, Verb, Which};
use tests::operated::{Operated, Place, SOON, binding, voter};
use tests::operator_process::OperatorProcess;
use tests::{ControlPlane, Kubeconfig, chart, eventually};

#[tokio::test]
async fn one_of_two_acts_and_the_other_takes_over_from_a_crash_and_from_an_end() -> Result<()> {
    let cluster = ControlPlane::shared().await?;
    chart::install(cluster.admin(), &[]).await?;
    let mut first = OperatorProcess::start(cluster, &[]).await?;
    first.becomes_leader().await?;
    let second = OperatorProcess::start(cluster, &[]).await?;
    let ready = second.get("/readyz").await?;
    assert!(ready.body.starts_with("waiting: "), "{}", ready.body);
    assert!(!second.leads().await?);

    first.signal(Signal::SIGKILL)?;
    first.wait()?;
    second.becomes_leader().await?;

    let mut third = OperatorProcess::start(cluster, &[]).await?;
    assert!(!third.leads().await?);
    assert!(second.stop()?.success());
    third.becomes_leader().await?;

    // Another holder has it: a leader that does not exit at once would write at the same time as the new one.
    let stolen = r#"{"spec":{"holderIdentity":"thief","leaseDurationSeconds":5}}"#;
    let lease = ["patch", "lease", "signer-operator", "--type=merge", "--patch", stolen];
    let steal = [&["--namespace", chart::NAMESPACE], &lease[..]].concat();
    cluster.admin().kubectl_ok(&steal).await?;
    assert_eq!(third.wait()?.code(), Some(75), "{}", third.log());
    let lost = "the Lease was lost (another operator has taken it)";
    assert!(third.log().contains(lost), "{}", third.log());

    let operated: &'static Operated = Box::leak(Box::new(Operated::start(cluster, &[]).await?));
    let place = Place::on(operated, "leader").await?;
    place.apply(&voter()).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    assert_eq!(operated.get("/livez").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn one_that_is_to_end_before_it_knows_the_bindings_ends_in_good_order() -> Result<()> {
    // With a separate control plane, because the other test checks which operator leads.
    let cluster = ControlPlane::start().await?;
    chart::install(cluster.admin(), &[]).await?;
    let identity = cluster
        .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
        .await?;
    let api = FaultyApi::start("operator", &identity, cluster.directory()).await?;
    let bindings = Which::of(&[Verb::List, Verb::Watch], "signerbindings");
    let silent = api.rule(bindings, Fault::Silent, For::Ever);
    let first = OperatorProcess::start(&cluster, &[]).await?;
    first.becomes_leader().await?;
    let second = OperatorProcess::start_as(api.kubeconfig(), cluster.directory(), &[]).await?;
    assert!(first.stop()?.success());
    second.becomes_leader().await?;
    eventually(SOON, "the bindings asked for", async || {
        ensure!(silent.met() > 0, "not yet");
        Ok(())
    })
    .await?;
    let log = second.log_file().to_owned();
    let status = second.stop()?;
    assert!(status.success(), "{status}: {}", fs::read_to_string(log)?);
    a_lease_that_was_deleted_is_not_acted_on_before_its_holder_has_ended(&cluster, &identity).await
}

/// The holder's own requests for the Lease are blocked, so it does not notice the deletion at once.
async fn a_lease_that_was_deleted_is_not_acted_on_before_its_holder_has_ended(
    cluster: &ControlPlane,
    identity: &Kubeconfig,
) -> Result<()> {
    let api = FaultyApi::start("holder", identity, cluster.directory()).await?;
    let mut holder = OperatorProcess::start_as(api.kubeconfig(), cluster.directory(), &[]).await?;
    holder.becomes_leader().await?;
    let next = OperatorProcess::start(cluster, &[]).await?;
    eventually(SOON, "another one that waits", async || {
        let ready = next.get("/readyz").await?.body;
        ensure!(ready.starts_with("waiting: "), "{ready}");
        Ok(())
    })
    .await?;
    api.rule(
        Which::of(&[Verb::Get, Verb::Update], "leases"),
        Fault::Dropped,
        For::Ever,
    );
    let delete = ["--namespace", chart::NAMESPACE, "delete", "lease", "signer-operator"];
    cluster.admin().kubectl_ok(&delete).await?;
    next.becomes_leader().await?;
    assert!(holder.still_runs().is_err(), "two of them lead: {}", next.log());
    assert_eq!(holder.wait()?.code(), Some(75), "{}", holder.log());
    assert!(next.stop()?.success());
    Ok(())
}
