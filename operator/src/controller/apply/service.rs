//! Writing the Service.

use crds::names::FIELD_MANAGER;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::Value;

use super::super::context::{Context, deadline};
use super::super::error::Error;
use super::super::observe;
use super::super::render::names::service_name;
use super::super::render::{self, Rendered};
use super::super::validate::{Refusal, Target};
use super::{conflict, deployment};

pub async fn apply(context: &Context, live: Option<&Value>, rendered: &Rendered) -> Result<Result<(), Refusal>, Error> {
    if render::service_is_intact(live, rendered) {
        return Ok(Ok(()));
    }
    let target = &rendered.target;
    let api = observe::services(context, &target.namespace);
    let request = |force: bool| {
        let mut parameters = PatchParams::apply(FIELD_MANAGER);
        parameters.force = force;
        let api = api.clone();
        async move {
            api.patch(
                &service_name(&target.name),
                &parameters,
                &Patch::Apply(&rendered.service),
            )
            .await
        }
    };
    let mut result = deadline("apply the Service", request(false)).await;
    // The whole Service is ours: validation has refused one that is not, so a conflict is somebody's edit of it.
    if result.as_ref().is_err_and(Error::is_conflict) && context.memory.may_force(&target.uid) {
        result = deadline("apply the Service", request(true)).await;
        context.memory.forced(&target.uid);
    }
    context.metrics.write("Service", &result);
    match result {
        Ok(_) => Ok(Ok(())),
        Err(error) => match error.response() {
            Some(status) if deployment::is_refused(status) => Ok(Err(deployment::rejected(status))),
            Some(status) if status.is_conflict() => Ok(Err(conflict::contested(&conflict::conflicts(status)))),
            _ => Err(error),
        },
    }
}

/// Deletes the Service of a Deployment if it is ours.
pub async fn delete(context: &Context, target: &Target) -> Result<(), Error> {
    let api = observe::services(context, &target.namespace);
    let name = service_name(&target.name);
    let Some(found) = deadline("get the Service", api.get_opt(&name)).await? else {
        return Ok(());
    };
    let ours = found
        .metadata
        .managed_fields
        .iter()
        .flatten()
        .any(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER));
    if !ours {
        return Ok(());
    }
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: found.metadata.uid,
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    let result = deadline("delete the Service", api.delete(&name, &parameters)).await;
    context.metrics.write("Service", &result);
    match result {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}
