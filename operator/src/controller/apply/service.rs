//! Writing the Service.

use crds::names::FIELD_MANAGER;
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use serde_json::Value;

use super::writer::Writer;
use super::{conflict, deployment};
use crate::cluster::deadline;
use crate::model::error::Error;
use crate::model::injection::DeploymentRef;
use crate::model::reason::Reason;
use crate::model::rendered::Rendered;
use crate::telemetry::Kind;
use crate::template::intact::service_is_intact;
use crate::template::names::service_name;
use crate::template::service::is_ours;

pub async fn apply(writer: &Writer, live: Option<&Value>, rendered: &Rendered) -> Result<Result<(), Reason>, Error> {
    if service_is_intact(live, rendered) {
        return Ok(Ok(()));
    }
    let target = &rendered.target;
    let api = writer.cluster.services(&target.namespace);
    let budget = format!("{}/service", target.uid);
    let mut body = rendered.service.clone();
    if let Some(live) = live {
        // A request that is held up on its way must not bring back what was deleted meanwhile.
        for field in ["uid", "resourceVersion"] {
            body["metadata"][field] = live["metadata"][field].clone();
        }
    }
    let mut result = patch(writer, &api, &body, false).await;
    // The whole Service is ours: validation has refused one that is not, so a conflict is somebody's edit of it.
    if live.is_some() && result.as_ref().is_err_and(conflict::is_about_fields) && writer.ledger.may_force(&budget) {
        result = patch(writer, &api, &body, true).await;
        if result.is_ok() {
            writer.ledger.forced(&budget);
        }
    }
    match result {
        Ok(_) => Ok(Ok(())),
        Err(error) => match error.response() {
            Some(status) if deployment::is_refused(status) => Ok(Err(deployment::rejected(status))),
            Some(status) if status.is_conflict() => {
                let conflicts = conflict::conflicts(status);
                if conflicts.is_empty() {
                    return Err(Error::Changed("the Service"));
                }
                Ok(Err(conflict::contested("the Service of the signer", &conflicts)))
            }
            _ => Err(error),
        },
    }
}

async fn patch(writer: &Writer, api: &Api<DynamicObject>, body: &Value, force: bool) -> Result<DynamicObject, Error> {
    let mut parameters = PatchParams::apply(FIELD_MANAGER);
    parameters.force = force;
    let name = body["metadata"]["name"].as_str().unwrap_or_default();
    let patch = Patch::Apply(body);
    let result = deadline("apply the Service", api.patch(name, &parameters, &patch)).await;
    writer.metrics.write(Kind::Service, &result);
    result
}

/// Deletes the Service of a Deployment if it is ours.
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
    let result = deadline("delete the Service", api.delete(&name, &parameters)).await;
    writer.metrics.write(Kind::Service, &result);
    match result {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// The Service of a Deployment, if there is one and it is ours.
pub async fn ours(writer: &Writer, target: &DeploymentRef) -> Result<Option<DynamicObject>, Error> {
    let api = writer.cluster.services(&target.namespace);
    let found = deadline("get the Service", api.get_opt(&service_name(&target.name))).await?;
    let is_ours = |found: &DynamicObject| {
        let object = serde_json::to_value(found).map_err(Error::Encode)?;
        Ok::<_, Error>(is_ours(&object, &target.name))
    };
    Ok(match found {
        Some(found) if is_ours(&found)? => Some(found),
        _ => None,
    })
}
