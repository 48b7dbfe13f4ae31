//! Writes the status and Events.

use std::time::{Duration, Instant};

use crds::conditions::types;
use crds::names::FIELD_MANAGER;
use crds::{SignerBinding, SignerBindingStatus, WrittenBy};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Patch, PatchParams};
use kube::runtime::events::{Event, EventType};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use super::writer::{Write, Writer};
use crate::model::applied::{Applied, AppliedTarget, Written};
use crate::model::binding::is_true;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::report::{Notice, Report};
use crate::telemetry::Kind;

/// The result of a report.
pub struct Published {
    /// The version of the binding that the report describes.
    pub version: Option<String>,
    /// How long the report waits, if nothing was written because of recent writes.
    pub left: Option<Duration>,
}

/// Writes the status if it has changed, and then the Events, which refer to it. Fluctuating states wait for their turn together
/// with their Events. The result of a change by a person or of a write by the operator does not wait.
///
/// # Errors
/// Fails if the status cannot be written. A lost Event is logged, because nothing depends on it.
pub async fn publish(
    writer: &Writer,
    binding: &SignerBinding,
    applied: &Applied,
    report: &Report,
) -> Result<Published, Error> {
    let mut version = binding.resource_version();
    let wanted = signed(writer, binding, &report.status);
    if binding.status.as_ref() != Some(&wanted) {
        let uid = binding.uid().unwrap_or_default();
        let is_ready = is_true(&wanted, types::READY);
        let is_urgent = is_urgent(binding, applied, &wanted)
            || is_an_answer(writer, binding)
            || (is_ready && writer.status_pace.is_first_ready(&uid, wanted.observed_generation));
        if !is_urgent && let Err(left) = writer.status_pace.turn(&uid, Instant::now()) {
            let left = Some(left);
            return Ok(Published { version, left });
        }
        if let Some(written) = status(writer, binding, &wanted).await?
            && is_otherwise_the_same(&written, binding)
            && names(written.status.as_ref()).eq(names(binding.status.as_ref()))
        {
            version = written.resource_version();
        }
        if is_ready {
            writer.status_pace.told_ready(&uid, wanted.observed_generation);
        }
    }
    let live = |name: &String| {
        let deployments = applied.targets.iter().filter_map(|target| target.deployment.as_ref());
        deployments.into_iter().find(|live| live.name() == name)
    };
    for notice in &report.notices {
        tell(writer, binding, notice.deployment.as_ref().and_then(live), notice).await;
    }
    Ok(Published { version, left: None })
}

/// Whether the status must be written at once: it is the first for this spec, or follows a write to a Deployment, which has its
/// own limit.
fn is_urgent(binding: &SignerBinding, applied: &Applied, wanted: &SignerBindingStatus) -> bool {
    let is_of_another_spec = |before: &SignerBindingStatus| before.observed_generation != wanted.observed_generation;
    let has_written = |target: &AppliedTarget| target.written != Written::Nothing || target.resumed;
    binding.status.as_ref().is_none_or(is_of_another_spec) || applied.targets.iter().any(has_written)
}

/// Whether the status has another operator's name. Writing this operator's name checks whether the other one still runs, and must
/// not wait.
fn is_an_answer(writer: &Writer, binding: &SignerBinding) -> bool {
    let author = binding.status.as_ref().and_then(|status| status.operator.as_ref());
    author.is_some_and(|by| by.lease_namespace != writer.contest.us().lease_namespace)
}

/// The status with this operator's name. If it is otherwise unchanged, it keeps the name of the previous holder of the same
/// Lease, so that a new leader writes nothing.
fn signed(writer: &Writer, binding: &SignerBinding, status: &SignerBindingStatus) -> SignerBindingStatus {
    let before = binding.status.as_ref();
    let us = writer.contest.us();
    let is_ours =
        |by: &WrittenBy| by.lease_namespace.is_some() && by.lease_namespace == us.lease_namespace && by.asks == us.asks;
    let author = before.and_then(|before| before.operator.as_ref());
    if before == Some(status) && author.is_some_and(is_ours) {
        return status.clone();
    }
    SignerBindingStatus {
        operator: Some(writer.contest.us().clone()),
        ..status.clone()
    }
}

/// Writes this operator's name into the status as a question, and changes nothing else. Another running operator answers with its
/// name.
///
/// # Errors
/// Fails if the status cannot be written.
pub async fn ask(writer: &Writer, binding: &SignerBinding) -> Result<(), Error> {
    let asking = WrittenBy {
        asks: Some(true),
        ..writer.contest.us().clone()
    };
    let with_our_name = SignerBindingStatus {
        operator: Some(asking),
        ..binding.status.clone().unwrap_or_default()
    };
    status(writer, binding, &with_our_name).await.map(drop)
}

/// Events of Deployments find their binding by these names. An event that arrived in the meantime may not have found it.
fn names(status: Option<&SignerBindingStatus>) -> impl Iterator<Item = &str> {
    let targets = status.into_iter().flat_map(|status| &status.targets);
    targets.map(|target| target.name.as_str())
}

/// Whether the binding did not change between the read and the write.
fn is_otherwise_the_same(written: &SignerBinding, read: &SignerBinding) -> bool {
    let apart = |binding: &SignerBinding| {
        let meta = binding.meta();
        (
            meta.generation,
            meta.annotations.clone(),
            meta.finalizers.clone(),
            meta.deletion_timestamp.clone(),
        )
    };
    apart(written) == apart(read)
}

async fn status(
    writer: &Writer,
    binding: &SignerBinding,
    status: &SignerBindingStatus,
) -> Result<Option<SignerBinding>, Error> {
    let api: Api<SignerBinding> = Api::namespaced(writer.cluster.client(), &binding.namespace().unwrap_or_default());
    let body = json!({
        "apiVersion": SignerBinding::api_version(&()),
        "kind": SignerBinding::kind(&()),
        "metadata": { "name": binding.name_any(), "uid": binding.uid() },
        "status": status,
    });
    // With force, because a status has no other author.
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let name = binding.name_any();
    let write = Write {
        kind: Kind::SignerBinding,
        namespace: &binding.namespace().unwrap_or_default(),
        name: &name,
        uid: &binding.uid().unwrap_or_default(),
        attempt: "write the status",
        // The status changes with every pod, so it does not identify the write. A person's change of the binding does not wait.
        wish: binding.metadata.generation.unwrap_or_default().unsigned_abs(),
        has_tests: false,
    };
    let patch = Patch::Apply(&body);
    let result = writer.send(&write, api.patch_status(&name, &parameters, &patch)).await;
    match result {
        Ok(written) => {
            let kept = written.status.as_ref().and_then(|status| status.operator.as_ref());
            writer.contest.wrote(&written.uid().unwrap_or_default(), kept);
            Ok(Some(written))
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes one Event on the binding and one on the Deployment concerned.
pub async fn tell(writer: &Writer, binding: &SignerBinding, live: Option<&LiveDeployment>, notice: &Notice) {
    let binding_reference = binding.object_ref(&());
    let deployment_reference = live.map(reference);
    let on_binding = notice.is_on_binding.then_some(&binding_reference);
    let references = [
        (on_binding, deployment_reference.as_ref()),
        (deployment_reference.as_ref(), Some(&binding_reference)),
    ];
    for (about, related) in references {
        if let Some(about) = about {
            tell_of(writer, about, related, notice).await;
        }
    }
}

/// Writes one Event on a Deployment without a binding.
pub async fn tell_deployment(writer: &Writer, live: &LiveDeployment, notice: &Notice) {
    tell_of(writer, &reference(live), None, notice).await;
}

fn reference(live: &LiveDeployment) -> ObjectReference {
    ObjectReference {
        api_version: Some("apps/v1".to_owned()),
        kind: Some("Deployment".to_owned()),
        name: Some(live.name().to_owned()),
        namespace: Some(live.namespace().to_owned()),
        uid: Some(live.uid().to_owned()),
        ..ObjectReference::default()
    }
}

async fn tell_of(writer: &Writer, about: &ObjectReference, related: Option<&ObjectReference>, notice: &Notice) {
    let event = Event {
        type_: if notice.is_warning {
            EventType::Warning
        } else {
            EventType::Normal
        },
        reason: notice.reason.clone(),
        note: Some(notice.note.clone()),
        action: notice.action.to_owned(),
        secondary: related.cloned(),
    };
    let write = Write {
        kind: Kind::Event,
        namespace: about.namespace.as_deref().unwrap_or_default(),
        name: &format!(
            "{} {}",
            about.kind.as_deref().unwrap_or_default(),
            about.name.as_deref().unwrap_or_default()
        ),
        uid: about.uid.as_deref().unwrap_or_default(),
        attempt: "write an Event",
        wish: 0,
        has_tests: false,
    };
    // A refusal is logged where the request is sent.
    if let Err(error) = writer.send(&write, writer.recorder.publish(&event, about)).await
        && error.refusal().is_none()
    {
        tracing::warn!(%error, reason = notice.reason, "an Event was lost");
    }
}
