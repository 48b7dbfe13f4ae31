//! Taking out of a Deployment what server-side apply leaves: one JSON patch, bound to the very state that was looked at.

use crds::names::FIELD_MANAGER;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::writer::Writer;
use crate::cluster::deadline;
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
    mut operations: Vec<Value>,
) -> Result<LiveDeployment, Error> {
    let test = |path: &str, value: &str| json!({ "op": "test", "path": path, "value": value });
    operations.insert(0, test("/metadata/uid", live.uid()));
    operations.insert(1, test("/metadata/resourceVersion", live.resource_version()));
    let body = serde_json::from_value(Value::Array(operations)).map_err(Error::Encode)?;
    let api = writer.cluster.deployments(live.namespace());
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::<()>::Json(body);
    let result = deadline(attempt, api.patch(live.name(), &parameters, &patch)).await;
    writer.metrics.write(Kind::Deployment, &result);
    match result {
        Ok(after) => serde_json::to_value(after)
            .map(LiveDeployment::new)
            .map_err(Error::Encode),
        Err(error) if error.is_conflict() || error.response().is_some_and(|status| status.code == 422) => {
            Err(Error::Changed("the Deployment"))
        }
        Err(error) => Err(error),
    }
}
