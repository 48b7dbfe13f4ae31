//! Removes additions by other clients to the injected signer, and the signer's volumes from other containers, unless a manifest
//! applies them.

use crds::conditions::reasons;
use crds::names::{FIELD_MANAGER, SIGNER_CONTAINER};
use serde_json::json;

use super::json_patch;
use super::patched::Patched;
use super::rejected::rejected;
use super::writer::Writer;
use crate::model::deployment::{ContainerList, LiveDeployment, ManagedFields};
use crate::model::error::Error;
use crate::model::reason::Reason;
use crate::model::rendered::Rendered;
use crate::template::additions::{Addition, of};
use crate::template::volumes::{self, Exposure};

/// Removes additions to the rendered signer, and mounts of its volumes in other containers. A field that a manifest
/// applies is intended. If the operator removed it, each apply of that client would add it again, with a rollout.
pub async fn take_out(
    writer: &Writer,
    patched: Patched,
    rendered: &Rendered,
) -> Result<Result<Patched, Reason>, Error> {
    let live = &patched.after;
    let pod = &rendered.deployment["spec"]["template"]["spec"];
    let wanted = &pod["initContainers"][0];
    let additions = live.signer().map(|found| of(found, wanted)).unwrap_or_default();
    let exposures = volumes::exposures(live, &volumes::names(&pod["volumes"]));
    if additions.is_empty() && exposures.is_empty() {
        return Ok(Ok(patched));
    }
    let of_signer = additions.iter().map(|addition| Held::of(live, addition));
    let of_others = exposures.iter().map(|exposure| Held::exposed(live, exposure));
    let held: Vec<_> = of_signer.chain(of_others).collect();
    if held.iter().any(|held| held.is_applied) {
        return Ok(Err(altered(
            live,
            &held,
            "A manifest applies it: remove it there, or ask for it in the binding",
        )));
    }
    if !writer.ledger.may_force(live.uid()) {
        return Ok(Err(altered(
            live,
            &held,
            "The operator removed it 5 times within an hour and has stopped: keep that manager from writing it",
        )));
    }
    let Some(index) = position(live) else {
        return Ok(Ok(patched));
    };
    let of_signer = additions
        .iter()
        .map(|Addition { pointer, .. }| format!("/spec/template/spec/initContainers/{index}{pointer}"));
    let paths = of_signer.chain(exposures.iter().map(|exposure| exposure.pointer.clone()));
    let operations = paths.map(|path| json!({ "op": "remove", "path": path }));
    let attempt = "remove additions from the signer";
    let after = match json_patch::send(writer, live, attempt, operations.collect()).await {
        Ok(after) => after,
        Err(error) => match error.refusal() {
            Some(status) => return Ok(Err(rejected(status))),
            None => return Err(error),
        },
    };
    // An admission plugin may have added it again in the same request. Then nothing has changed, and the addition stays.
    let changed = after.resource_version() != live.resource_version();
    if changed {
        writer.ledger.forced(live.uid());
    }
    Ok(Ok(Patched {
        after,
        changed: changed || patched.changed,
    }))
}

fn position(live: &LiveDeployment) -> Option<usize> {
    let list = live.containers(ContainerList::InitContainers);
    list.iter().position(|container| container["name"] == SIGNER_CONTAINER)
}

/// An addition, and the manager that wrote it.
struct Held {
    /// The container with the addition. None means the signer.
    container: Option<String>,
    field: String,
    managers: Vec<String>,
    is_applied: bool,
}

impl Held {
    fn of(live: &LiveDeployment, addition: &Addition) -> Self {
        let entries: Vec<_> = live
            .managed_fields()
            .filter(|entry| entry.manager != FIELD_MANAGER && entry.owns_of_signer(&addition.managed))
            .collect();
        Self::by(None, addition.field.clone(), &entries)
    }

    fn exposed(live: &LiveDeployment, exposure: &Exposure) -> Self {
        let Exposure {
            list,
            container,
            volume,
            managed,
            ..
        } = exposure;
        let entries: Vec<_> = live
            .managed_fields()
            .filter(|entry| entry.manager != FIELD_MANAGER && entry.owns_of_container(*list, container, managed))
            .collect();
        Self::by(Some(container.clone()), format!("volume {volume}"), &entries)
    }

    fn by(container: Option<String>, field: String, entries: &[ManagedFields<'_>]) -> Self {
        Self {
            container,
            field,
            managers: entries.iter().map(|entry| entry.manager.to_owned()).collect(),
            is_applied: entries.iter().any(|entry| entry.operation == "Apply"),
        }
    }

    fn told(&self) -> String {
        let Self { field, managers, .. } = self;
        match managers.as_slice() {
            [] => field.clone(),
            managers => format!("{field} (written by {})", managers.join(", ")),
        }
    }
}

/// Names each field with its managers, in the order of the container's fields.
fn altered(live: &LiveDeployment, held: &[Held], what_to_do: &str) -> Reason {
    let (of_signer, of_others): (Vec<_>, Vec<_>) = held.iter().rev().partition(|held| held.container.is_none());
    let of_signer: Vec<_> = of_signer.into_iter().map(Held::told).collect();
    let added = (!of_signer.is_empty()).then(|| {
        format!(
            "init container {SIGNER_CONTAINER}: found {}, expected only what this binding asks for; it may change what the signer signs",
            of_signer.join(", ")
        )
    });
    let exposed = of_others.into_iter().map(|held| {
        format!(
            "container {} mounts {}, which is only for the signer: with its token, code in that container can use the key without the signer",
            held.container.as_deref().unwrap_or_default(),
            held.told()
        )
    });
    let found: Vec<_> = added.into_iter().chain(exposed).collect();
    Reason::new(
        reasons::SIGNER_ALTERED,
        format!("Deployment {}, {}. {what_to_do}", live.name(), found.join("; ")),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn names_field_and_manager() {
        let live = LiveDeployment::new(json!({
            "metadata": {"name": "voter", "managedFields": [
                {"manager": "argocd", "operation": "Apply", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {
                    "f:initContainers": {"k:{\"name\":\"signer\"}": {"f:args": {}}},
                }}}}},
                {"manager": "kubectl-set", "operation": "Update", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {
                    "f:initContainers": {"k:{\"name\":\"signer\"}": {"f:env": {"k:{\"name\":\"X\"}": {}}}},
                }}}}},
            ]},
            "spec": {"template": {"spec": {"initContainers": [
                {"name": "first"}, {"name": "signer", "args": ["x"], "env": [{"name": "X"}]},
            ]}}},
        }));
        let additions = of(live.signer().unwrap_or(&Value::Null), &json!({}));
        let held: Vec<_> = additions.iter().map(|addition| Held::of(&live, addition)).collect();
        assert_eq!(
            held.iter().map(|held| held.is_applied).collect::<Vec<_>>(),
            [true, false]
        );
        let message = altered(&live, &held, "").message;
        for part in [
            "args (written by argocd)",
            "env X (written by kubectl-set)",
            "Deployment voter",
        ] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(position(&live), Some(1));
        let exposure = Exposure {
            list: ContainerList::Containers,
            container: "node".to_owned(),
            volume: "signer-identity".to_owned(),
            pointer: String::new(),
            managed: vec![],
        };
        let message = altered(&live, &[Held::exposed(&live, &exposure)], "").message;
        assert!(
            message.contains("container node mounts volume signer-identity"),
            "{message}"
        );
    }
}
