//! The finalizer of a binding that restores its Deployment when it is deleted. A binding that retains has none, so that
//! nothing can get stuck.

use crds::SignerBinding;
use crds::names::{FIELD_MANAGER, FINALIZER};
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::writer::Writer;
use crate::cluster::deadline;
use crate::model::binding::{has_finalizer, removes};
use crate::model::error::Error;
use crate::model::scope::Scope;
use crate::telemetry::Kind;

/// Adds or removes the finalizer as the binding's policy asks. A binding that injects nothing has nothing to remove, and
/// gets none; nor does one whose finalizer nobody may be allowed to drop.
///
/// # Errors
/// Fails if the API server does not answer.
pub async fn follow_policy(
    writer: &Writer,
    binding: &SignerBinding,
    injects: bool,
    scope: &Scope,
) -> Result<(), Error> {
    let removes = removes(binding) && !scope.is_strict();
    match (removes, has_finalizer(binding)) {
        (true, false) if injects => add(writer, binding).await,
        (false, true) => drop(writer, binding).await,
        _ => Ok(()),
    }
}

async fn add(writer: &Writer, binding: &SignerBinding) -> Result<(), Error> {
    let operation = if binding.finalizers().is_empty() {
        json!([
            { "op": "test", "path": "/metadata/finalizers", "value": null },
            { "op": "add", "path": "/metadata/finalizers", "value": [FINALIZER] },
        ])
    } else {
        json!([{ "op": "add", "path": "/metadata/finalizers/-", "value": FINALIZER }])
    };
    patch(writer, binding, operation).await
}

/// Removes the finalizer; a binding that is gone is as good.
///
/// # Errors
/// Fails if the API server does not answer.
pub async fn drop(writer: &Writer, binding: &SignerBinding) -> Result<(), Error> {
    let Some(index) = binding.finalizers().iter().position(|each| each == FINALIZER) else {
        return Ok(());
    };
    let path = format!("/metadata/finalizers/{index}");
    let operation = json!([
        { "op": "test", "path": path, "value": FINALIZER },
        { "op": "remove", "path": path },
    ]);
    patch(writer, binding, operation).await
}

async fn patch(writer: &Writer, binding: &SignerBinding, mut operations: Value) -> Result<(), Error> {
    let api: Api<SignerBinding> = Api::namespaced(writer.cluster.client(), &binding.namespace().unwrap_or_default());
    if let Some(operations) = operations.as_array_mut() {
        operations.insert(
            0,
            json!({ "op": "test", "path": "/metadata/uid", "value": binding.uid() }),
        );
    }
    let patch = Patch::<SignerBinding>::Json(serde_json::from_value(operations).map_err(Error::Encode)?);
    let name = binding.name_any();
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let result = deadline("write the finalizer", api.patch(&name, &parameters, &patch)).await;
    writer.metrics.write(Kind::SignerBinding, &result);
    match result {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) if error.response().is_some_and(|status| status.code == 422) => {
            Err(Error::Changed("the SignerBinding"))
        }
        Err(error) => Err(error),
    }
}
