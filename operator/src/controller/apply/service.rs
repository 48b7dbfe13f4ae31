//! Writes the Service.

use std::time::Instant;

use crds::names::FIELD_MANAGER;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use serde_json::Value;

use super::writer::{Write, Writer, wish};
use super::{budget, conflict, rejected};
use crate::cluster::deadline;
use crate::controller::ledger::PutBack;
use crate::model::error::Error;
use crate::model::injection::DeploymentRef;
use crate::model::reason::Reason;
use crate::model::rendered::Rendered;
use crate::telemetry::Kind;
use crate::template::intact::service_is_intact;
use crate::template::names::service_name;
use crate::template::service::{is_free, is_ours};

pub async fn apply(writer: &Writer, live: Option<&Value>, rendered: &Rendered) -> Result<Result<(), Reason>, Error> {
    if service_is_intact(live, rendered) {
        return Ok(Ok(()));
    }
    let target = &rendered.target;
    if let Err(conflict) = is_free(live, &target.name) {
        return Ok(Err(conflict));
    }
    let (wanted, now) = (wish(&rendered.service).to_string(), Instant::now());
    if !writer.ledger.may_put_back(&target.uid, PutBack::Service, &wanted, now) {
        return Ok(Err(budget::undone("the Service of the signer")));
    }
    let mut body = rendered.service.clone();
    if let Some(live) = live {
        // A delayed request must not create a Service again that was deleted in the meantime.
        for field in ["uid", "resourceVersion"] {
            body["metadata"][field] = live["metadata"][field].clone();
        }
    }
    let mut result = patch(writer, target, &body, false).await;
    // The whole Service is the operator's. A conflict is therefore another client's edit.
    if live.is_some()
        && result.as_ref().is_err_and(conflict::is_about_fields)
        && writer.ledger.may_force_service(&target.uid)
    {
        result = patch(writer, target, &body, true).await;
        if result.is_ok() {
            writer.ledger.forced_service(&target.uid);
        }
    }
    match result {
        Ok(after) => {
            let version = live.and_then(|live| live["metadata"]["resourceVersion"].as_str());
            if after.metadata.resource_version.as_deref() != version {
                writer.ledger.put_back(&target.uid, PutBack::Service, &wanted, now);
            }
            Ok(Ok(()))
        }
        Err(error) => rejected::or_contested(error, "the Service", "the Service of the signer"),
    }
}

async fn patch(writer: &Writer, target: &DeploymentRef, body: &Value, force: bool) -> Result<DynamicObject, Error> {
    let api = writer.cluster.services(&target.namespace);
    let mut parameters = PatchParams::apply(FIELD_MANAGER);
    parameters.force = force;
    let name = service_name(&target.name);
    let write = write(target, &name, "apply the Service", wish(body));
    writer
        .send(&write, api.patch(&name, &parameters, &Patch::Apply(body)))
        .await
}

fn write<'a>(target: &'a DeploymentRef, name: &'a str, attempt: &'static str, wish: u64) -> Write<'a> {
    Write {
        kind: Kind::Service,
        namespace: &target.namespace,
        name,
        uid: &target.uid,
        attempt,
        wish,
        has_tests: false,
    }
}

/// Deletes the Service of a Deployment if the operator owns it.
pub async fn delete(writer: &Writer, target: &DeploymentRef) -> Result<(), Error> {
    let Some(found) = ours(writer, target).await? else {
        return Ok(());
    };
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: found.metadata.uid,
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    let api = writer.cluster.services(&target.namespace);
    let name = service_name(&target.name);
    let write = write(target, &name, "delete the Service", 0);
    match writer.send(&write, api.delete(&name, &parameters)).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// The Service of a Deployment, if it exists and the operator owns it.
pub async fn ours(writer: &Writer, target: &DeploymentRef) -> Result<Option<DynamicObject>, Error> {
    let api = writer.cluster.services(&target.namespace);
    let found = deadline("get the Service", api.get_opt(&service_name(&target.name))).await?;
    let Some(found) = found else { return Ok(None) };
    let object = serde_json::to_value(&found).map_err(Error::Encode)?;
    Ok(is_ours(&object, &target.name).then_some(found))
}
