//! Changes to a Deployment that server-side apply cannot make: one JSON patch, bound to the version that was read.

use crds::names::FIELD_MANAGER;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::writer::{Write, Writer, wish};
use crate::cluster::live as live_of;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::telemetry::Kind;

/// Sends these operations, and returns the changed Deployment.
///
/// # Errors
/// Fails if the API server refuses or does not answer, or if the Deployment changed since it was read.
pub async fn send(
    writer: &Writer,
    live: &LiveDeployment,
    attempt: &'static str,
    operations: Vec<Value>,
) -> Result<LiveDeployment, Error> {
    send_to(writer, live, live.resource_version(), attempt, operations).await
}

/// Sends these operations for this version of the Deployment, and returns the changed Deployment.
///
/// # Errors
/// Fails if the API server refuses or does not answer, or if the Deployment has another version.
pub async fn send_to(
    writer: &Writer,
    live: &LiveDeployment,
    version: &str,
    attempt: &'static str,
    operations: Vec<Value>,
) -> Result<LiveDeployment, Error> {
    let write = Write {
        kind: Kind::Deployment,
        namespace: live.namespace(),
        name: live.name(),
        uid: live.uid(),
        attempt,
        wish: wish(&json!(operations)),
        has_tests: true,
    };
    let body = serde_json::from_value(bound(live, version, operations)).map_err(Error::Encode)?;
    let api = writer.cluster.deployments(live.namespace());
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::<()>::Json(body);
    let error = match writer.send(&write, api.patch(live.name(), &parameters, &patch)).await {
        Ok(after) => return live_of(&after),
        Err(error) => error,
    };
    let may_be_a_test = error.is_conflict() || error.response().is_some_and(|status| status.code == 422);
    if error.is_paused() || !may_be_a_test {
        return Err(error);
    }
    // A failed `test` operation has the same answer as a refusal. It was a refusal if the object meets all tests.
    let now = writer.cluster.deployment(live.namespace(), live.name()).await?;
    if now.is_none_or(|now| now.uid() != live.uid() || now.resource_version() != version) {
        return Err(Error::Changed("the Deployment"));
    }
    writer.refused(&write, &error);
    Err(error)
}

/// The operations, preceded by tests that bind them to the version.
pub fn bound(live: &LiveDeployment, version: &str, operations: Vec<Value>) -> Value {
    let test = |path: &str, value: &str| json!({ "op": "test", "path": path, "value": value });
    let tests = [
        test("/metadata/uid", live.uid()),
        test("/metadata/resourceVersion", version),
    ];
    tests.into_iter().chain(operations).collect()
}
