//! Writes the annotation of a ServiceAccount, and removes it.

use std::time::Instant;

use crds::conditions::reasons;
use crds::names::{FIELD_MANAGER, GCP_ACCOUNT_ANNOTATION};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::core::Status;
use serde_json::{Value, json};

use super::rejected::{self, rejected};
use super::writer::{Write, Writer, wish};
use super::{budget, conflict};
use crate::controller::ledger::PutBack;
use crate::model::applied::Applied;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::identity;
use crate::model::identity::PodIdentity;
use crate::model::observed::Observed;
use crate::model::reason::Reason;
use crate::telemetry::Kind;

/// Annotates the account of this Deployment for the binding.
pub async fn apply(writer: &Writer, observed: &Observed, identity: &PodIdentity) -> Result<Result<(), Reason>, Error> {
    let live_of = |name: &str| {
        let account = observed.accounts.iter().find(|account| account.name == name);
        account.and_then(|account| account.live.as_ref())
    };
    match identity {
        PodIdentity::ActsAs {
            account,
            google,
            is_annotated: false,
        } => match live_of(account) {
            Some(live) => annotate(writer, live, google).await,
            None => Err(Error::Changed("the ServiceAccount")),
        },
        _ => Ok(Ok(())),
    }
}

/// Removes the annotation from accounts that no longer need it: any later pod with the account could otherwise use the key.
pub async fn release(writer: &Writer, observed: &Observed, is_accepted: bool, applied: &mut Applied) {
    if !is_accepted || observed.binding.spec.suspend == Some(true) {
        return;
    }
    for leftover in observed.leftovers.iter().filter(|leftover| !leftover.is_needed) {
        match give_up(writer, &leftover.live).await {
            Ok(()) => applied.released.push(leftover.name.clone()),
            Err(error) => match error.refusal() {
                Some(status) => applied.refused.push(stays(&leftover.name, status)),
                None => applied.failed = Some(applied.failed.take().unwrap_or(error)),
            },
        }
    }
}

fn stays(account: &str, status: &Status) -> Reason {
    Reason::new(
        reasons::REJECTED,
        format!(
            "ServiceAccount {account}: found the annotation {GCP_ACCOUNT_ANNOTATION}, which is no longer needed and lets each of its pods use the key. It cannot be removed: {}",
            rejected(status).message
        ),
    )
}

async fn annotate(writer: &Writer, live: &Value, google: &str) -> Result<Result<(), Reason>, Error> {
    let (uid, now) = (live["metadata"]["uid"].as_str().unwrap_or_default(), Instant::now());
    if !writer.ledger.may_put_back(uid, PutBack::Annotation, google, now) {
        return Ok(Err(budget::undone("the annotation of the ServiceAccount")));
    }
    let mut body = nothing(live);
    body["metadata"]["annotations"] = json!({ GCP_ACCOUNT_ANNOTATION: google });
    let mut result = patch(writer, &body, false).await;
    // Validation only lets through values that may be restored.
    if result.as_ref().is_err_and(conflict::is_about_fields) && writer.ledger.may_force(uid) {
        result = patch(writer, &body, true).await;
        if result.is_ok() {
            writer.ledger.forced(uid);
        }
    }
    match result {
        Ok(()) => {
            writer.ledger.put_back(uid, PutBack::Annotation, google, now);
            Ok(Ok(()))
        }
        Err(error) => rejected::or_contested(error, "the ServiceAccount", "the annotation of the ServiceAccount"),
    }
}

/// Removes the annotation from the account of a released Deployment, if the operator owns it and nothing else needs it.
///
/// # Errors
/// Fails if the API server does not answer.
pub async fn restore(writer: &Writer, live: &LiveDeployment) -> Result<(), Error> {
    restore_account(writer, live.namespace(), live.service_account()).await
}

/// Removes the annotation from the account with this name, under the same conditions.
///
/// # Errors
/// Fails if the API server does not answer.
pub async fn restore_account(writer: &Writer, namespace: &str, name: &str) -> Result<(), Error> {
    let found = writer.cluster.account(namespace, name).await?;
    let Some(found) = found.filter(identity::is_ours) else {
        return Ok(());
    };
    let google = found["metadata"]["annotations"][GCP_ACCOUNT_ANNOTATION].as_str();
    let needs = writer.cluster.needs(namespace).await?;
    match google.and_then(|google| needs.who_needs(name, google)) {
        Some(by) => {
            tracing::info!(
                account = name,
                by,
                "the annotation of a ServiceAccount stays, because it is needed"
            );
            Ok(())
        }
        None => give_up(writer, &found).await,
    }
}

async fn give_up(writer: &Writer, live: &Value) -> Result<(), Error> {
    match patch(writer, &nothing(live), false).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// An apply without fields. The uid turns the apply to a deleted account into a conflict instead of a creation, and the
/// resourceVersion protects against a delayed request.
fn nothing(live: &Value) -> Value {
    let metadata = &live["metadata"];
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"],
            "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"],
        },
    })
}

async fn patch(writer: &Writer, body: &Value, force: bool) -> Result<(), Error> {
    let text = |field: &str| body["metadata"][field].as_str().unwrap_or_default();
    let api: Api<ServiceAccount> = Api::namespaced(writer.cluster.client(), text("namespace"));
    let mut parameters = PatchParams::apply(FIELD_MANAGER);
    parameters.force = force;
    let write = Write {
        kind: Kind::ServiceAccount,
        namespace: text("namespace"),
        name: text("name"),
        uid: text("uid"),
        attempt: "annotate the ServiceAccount",
        wish: wish(body),
        has_tests: false,
    };
    let patch = Patch::Apply(body);
    let request = api.patch_metadata(text("name"), &parameters, &patch);
    writer.send(&write, request).await.map(drop)
}
