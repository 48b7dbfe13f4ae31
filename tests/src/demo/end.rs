//! The end, with or without success: stops everything that was started, and checks it.

use anyhow::{Result, ensure};
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::{Demo, NAMESPACE, Outcome, operator, signer};
use crate::operator_process::OperatorProcess;

const SHOWN: &str = "Shown: an invalid binding is refused and a valid one is injected, a rollback is refused, a vote and a challenge \
                     are signed and verified, a block is refused, and the Deployment is restored. Nothing is left running.";

pub async fn clean_up(mut demo: Demo, shown: Result<Outcome>) -> Result<Outcome> {
    let shown = match shown {
        Err(error) => Err(with_operator_log(error, demo.operator.as_ref())),
        shown => shown,
    };
    if !demo.cluster.is_ours() {
        // While the operator still runs, which removes its finalizer from the binding.
        let delete = format!("delete namespace {NAMESPACE} --ignore-not-found --timeout=60s");
        let deleted = demo.kubectl(&delete).await;
        if let (Ok(_), Err(error)) = (&shown, deleted) {
            return Err(error);
        }
        demo.screen
            .note("CustomResourceDefinition, roles and guard stay in the cluster; to remove them as well:");
        let manifest = operator::shown(&operator::manifest(demo.cluster.admin()).await?)?;
        demo.screen.note(&format!("kubectl delete -f {manifest}"));
    }
    let pids = demo.cluster.pids();
    let is_shown = matches!(shown, Ok(Outcome::Shown));
    if is_shown {
        demo.screen.step("Everything is stopped");
    }
    let Demo {
        screen,
        signer,
        operator,
        cluster,
        ..
    } = demo;
    let signer = signer.map(signer::Signer::stop).transpose();
    let operator = operator.map(OperatorProcess::stop).transpose();
    drop(cluster);
    let outcome = shown?;
    for pid in pids {
        let pid = Pid::from_raw(pid.cast_signed());
        ensure!(
            kill(pid, None).is_err(),
            "process {pid} of the control plane still runs"
        );
    }
    if is_shown {
        for (name, status) in [("signer", signer?), ("operator", operator?)] {
            ensure!(
                status.is_some_and(|status| status.success()),
                "the {name} ended with {status:?}"
            );
        }
        screen.note("signer, operator and everything that was started for them have ended");
        screen.last(SHOWN);
    }
    Ok(outcome)
}

fn with_operator_log(error: anyhow::Error, operator: Option<&OperatorProcess>) -> anyhow::Error {
    let Some(operator) = operator else { return error };
    let log = operator.log();
    let lines: Vec<_> = log.lines().collect();
    let last = lines[lines.len().saturating_sub(15)..].join("\n  ");
    anyhow::anyhow!("{error:#}\nthe operator's last lines:\n  {last}")
}
