//! The finalizer of a binding whose deletion restores its Deployment. A binding with `Retain` has none, so its deletion cannot
//! get stuck.

use crds::SignerBinding;
use crds::conditions::reasons;
use crds::names::{FIELD_MANAGER, FINALIZER};
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::rejected::rejected;
use super::writer::{Write, Writer, wish};
use crate::cluster::deadline;
use crate::model::binding::{has_finalizer, removes};
use crate::model::error::Error;
use crate::model::reason::Reason;
use crate::model::scope::Scope;
use crate::telemetry::Kind;

/// Adds or removes the finalizer according to the binding's policy. A binding that injects nothing gets none, because it has
/// nothing to remove. Nor does a binding whose finalizer the operator may not be allowed to remove later.
///
/// # Errors
/// Fails if the API server does not answer.
pub async fn follow_policy(
    writer: &Writer,
    binding: &SignerBinding,
    injects: bool,
    scope: &Scope,
) -> Result<Finalizer, Error> {
    let removes = removes(binding) && !scope.is_strict();
    let (written, refused): (_, fn(Reason) -> Finalizer) = match (removes, has_finalizer(binding)) {
        (true, false) if injects => (add(writer, binding).await, Finalizer::IsMissing),
        (false, true) => (drop(writer, binding).await, Finalizer::IsLeft),
        _ => return Ok(Finalizer::IsRight),
    };
    match written {
        Ok(()) => Ok(Finalizer::IsRight),
        Err(error) => match error.refusal() {
            Some(status) => Ok(refused(Reason::new(
                reasons::REJECTED,
                format!(
                    "finalizer {FINALIZER} of this SignerBinding, for spec.deletionPolicy: {}",
                    rejected(status).message
                ),
            ))),
            None => Err(error),
        },
    }
}

/// The result of a change to the finalizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finalizer {
    IsRight,
    /// It could not be added. An injection made now could not be removed with the binding.
    IsMissing(Reason),
    /// It could not be removed, although nothing is left to restore.
    IsLeft(Reason),
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

/// Removes the finalizer. Succeeds if the binding no longer exists.
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
    let write = Write {
        kind: Kind::SignerBinding,
        namespace: &binding.namespace().unwrap_or_default(),
        name: &binding.name_any(),
        uid: &binding.uid().unwrap_or_default(),
        attempt: "write the finalizer",
        wish: wish(&operations),
        has_tests: true,
    };
    let patch = Patch::<SignerBinding>::Json(serde_json::from_value(operations).map_err(Error::Encode)?);
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let error = match writer.send(&write, api.patch(write.name, &parameters, &patch)).await {
        Err(error) if !error.is_not_found() => error,
        _ => return Ok(()),
    };
    if error.is_paused() || error.response().is_none_or(|status| status.code != 422) {
        return Err(error);
    }
    // A failed `test` operation has the same answer as a refusal. It was a refusal if the object meets all tests.
    let now = deadline("get the SignerBinding", api.get_metadata_opt(write.name)).await?;
    let is_the_same = now.is_some_and(|now| now.uid() == binding.uid() && now.finalizers() == binding.finalizers());
    if !is_the_same {
        return Err(Error::Changed("the SignerBinding"));
    }
    writer.refused(&write, &error);
    Err(error)
}
