//! `operator remove`: removes the signer from a Deployment that no binding names.

use std::fmt::Write as _;

use clap::Args;

use super::failure::Failure;
use super::subject::{DeploymentArgs, Subject};
use crate::cluster::claims::Claim;
use crate::controller::apply::removal;
use crate::controller::apply::removal::preview::{self, Preview};
use crate::exit;
use crate::model::applied::Removed;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::template::names::service_name;

const ATTEMPTS: usize = 5;

/// Flags of `operator remove`.
#[derive(Args, Clone, Debug)]
pub struct RemoveArgs {
    #[command(flatten)]
    pub deployment: DeploymentArgs,

    /// Print what would be removed and what would stay, and write nothing.
    #[arg(long)]
    pub dry_run: bool,

    /// Also remove the signer from a running Deployment. Its pods are then replaced by pods without a signer.
    #[arg(long)]
    pub force: bool,
}

/// Restores the Deployment's spec, as deleting a binding with `deletionPolicy: Remove` does.
///
/// # Errors
/// The Deployment does not exist, a binding names it, it runs, or the API server refuses the change.
pub async fn remove(arguments: RemoveArgs) -> Result<String, Failure> {
    let RemoveArgs {
        deployment,
        dry_run,
        force,
    } = arguments;
    let Subject {
        context,
        namespace,
        name,
    } = Subject::of(deployment).await?;
    let cluster = &context.sources.cluster;
    for _ in 0..ATTEMPTS {
        let live = cluster.deployment(&namespace, &name).await?;
        let live = live.ok_or_else(|| Failure::no_such_deployment(&namespace, &name))?;
        if let Some(claim) = cluster.claims(&namespace).await?.on(&live, None) {
            return Err(claimed(&claim, &live));
        }
        let result = if dry_run {
            preview::of(&context.writer, &live)
                .await
                .map(|preview| would(&live, &preview))
        } else if !force && removal::has_something(&live) && live.starts_pods() {
            return Err(runs(&live));
        } else {
            removal::restore_all(&context.writer, &live)
                .await
                .map(|removed| done(&live, removed))
        };
        match result {
            // Another client has written it in between.
            Err(Error::Changed(_)) => {}
            Err(error) => return Err(refused(error, &namespace, &name)),
            Ok(text) => return Ok(text),
        }
    }
    let text = format!("Deployment {namespace}/{name} keeps changing. Nothing was lost. Try again");
    Err(Failure::new(exit::AGAIN, text))
}

fn claimed(claim: &Claim, live: &LiveDeployment) -> Failure {
    let (namespace, name) = (live.namespace(), live.name());
    let text = match claim {
        Claim::Made(binding) => format!(
            "SignerBinding {binding} names Deployment {name} and would inject the signer again; set its \
            spec.deletionPolicy to Remove and delete it: kubectl --namespace {namespace} delete signerbinding \
            {binding}"
        ),
        Claim::Unreadable(binding) => format!(
            "SignerBinding {binding} of namespace {namespace} cannot be read by this version of the operator and may name \
            Deployment {name}; fix or delete it first: kubectl --namespace {namespace} get signerbinding \
            {binding} --output=yaml"
        ),
    };
    Failure::new(exit::CONFIGURATION, text)
}

fn runs(live: &LiveDeployment) -> Failure {
    let (namespace, name, replicas) = (live.namespace(), live.name(), live.replicas());
    let text = format!(
        "Deployment {namespace}/{name} runs ({replicas} wanted): without its signer its node would start with a temporary \
        key and become historical. Scale it to 0 first: kubectl scale deployment/{name} --namespace {namespace} \
        --replicas=0; or pause it. --force takes the signer out anyway"
    );
    Failure::new(exit::CONFIGURATION, text)
}

fn done(live: &LiveDeployment, removed: Removed) -> String {
    let (namespace, name) = (live.namespace(), live.name());
    match removed {
        Removed { changed: false, .. } => {
            format!("Deployment {namespace}/{name} has nothing of the operator. Nothing was changed.\n")
        }
        Removed { kept: true, .. } => format!(
            "The signer was removed from Deployment {namespace}/{name}, except for what a manifest applies itself. Remove that from the manifest.\n"
        ),
        Removed {
            service_stays: true, ..
        } => format!(
            "The signer was removed from Deployment {namespace}/{name}. The API server refuses to delete its Service {}. Delete it yourself.\n",
            service_name(name)
        ),
        Removed { .. } => format!("The signer was removed from Deployment {namespace}/{name}.\n"),
    }
}

/// Describes the effects of a removal.
fn would(live: &LiveDeployment, preview: &Preview) -> String {
    let (namespace, name) = (live.namespace(), live.name());
    if !removal::has_something(live) {
        return format!("Deployment {namespace}/{name} has nothing of the operator. Nothing would be changed.\n");
    }
    let mut text = format!("Nothing was written. This would be removed:\n{}", preview.diff);
    if preview.has_service {
        let _ = writeln!(text, "Service {} would be deleted.", service_name(name));
    }
    if !preview.stays.is_empty() {
        let stays = preview.stays.join(", ");
        let _ = writeln!(text, "This would stay, because a manifest applies it: {stays}.");
    }
    if live.starts_pods() {
        let _ = writeln!(
            text,
            "Deployment {namespace}/{name} runs: without --force it has to be scaled to 0 or paused first."
        );
    }
    text
}

/// The guard allows only the operator to remove a signer.
fn refused(error: Error, namespace: &str, name: &str) -> Failure {
    let is_guarded = error.to_string().contains("without its signer");
    let mut failure = Failure::from(error);
    if is_guarded {
        failure.code = exit::PERMISSION;
        failure.text = format!(
            "{failure}\nThe guard lets only the operator do this: kubectl exec --namespace OPERATOR_NAMESPACE deployment/signer-operator -- \
             operator remove --namespace {namespace} deployment/{name}"
        );
    }
    failure
}
