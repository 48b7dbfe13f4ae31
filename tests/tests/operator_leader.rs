//! Several operators: one acts, another takes over, and one that has lost its Lease writes nothing more.

use anyhow::Result;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::operated::{Operated, Place, binding, voter};
use tests::operator_process::OperatorProcess;
use tests::{ControlPlane, chart};

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

    kill(Pid::from_raw(first.pid().try_into()?), Signal::SIGKILL)?;
    first.wait()?;
    second.becomes_leader().await?;

    let mut third = OperatorProcess::start(cluster, &[]).await?;
    assert!(!third.leads().await?);
    assert!(second.stop()?.success());
    third.becomes_leader().await?;

    // Somebody else has it: a leader that did not end at once would write beside the new one.
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
