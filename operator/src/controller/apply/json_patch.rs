//! What server-side apply cannot do to a Deployment: one JSON patch, bound to the very state that was looked at.

use crds::names::FIELD_MANAGER;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::writer::Writer;
use crate::cluster::{deadline, live as live_of};
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::telemetry::Kind;

/// Sends these operations, and answers with the Deployment as it is afterwards.
///
/// # Errors
/// Fails if the API server refuses or does not answer, or if the Deployment changed since it was read.
pub async fn send(
    writer: &Writer,
    live: &LiveDeployment,
    attempt: &'static str,
    operations: Vec<Value>,
) -> Result<LiveDeployment, Error> {
    match send_to(writer, live, live.resource_version(), attempt, operations).await {
        Err(error) if error.is_conflict() || error.response().is_some_and(|status| status.code == 422) => {
            Err(Error::Changed("the Deployment"))
        }
        result => result,
    }
}

/// The same on this version of it, with the API server's own answer where it refuses.
///
/// # Errors
/// Fails if the API server refuses or does not answer.
pub async fn send_to(
    writer: &Writer,
    live: &LiveDeployment,
    version: &str,
    attempt: &'static str,
    operations: Vec<Value>,
) -> Result<LiveDeployment, Error> {
    let body = serde_json::from_value(bound(live, version, operations)).map_err(Error::Encode)?;
    let api = writer.cluster.deployments(live.namespace());
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::<()>::Json(body);
    let result = deadline(attempt, api.patch(live.name(), &parameters, &patch)).await;
    writer.metrics.write(Kind::Deployment, &result);
    live_of(&result?)
}

/// The operations behind the tests that bind them.
pub fn bound(live: &LiveDeployment, version: &str, operations: Vec<Value>) -> Value {
    let test = |path: &str, value: &str| json!({ "op": "test", "path": path, "value": value });
    let tests = [
        test("/metadata/uid", live.uid()),
        test("/metadata/resourceVersion", version),
    ];
    tests.into_iter().chain(operations).collect()
}
