//! Whether the operator can act on a binding as it is written.

use crds::conditions::reasons;
use crds::{DeletionPolicy, Effective};

use crate::model::observed::ObservedTarget;
use crate::model::reason::Reason;
use crate::model::settings::Settings;

pub fn accepted(settings: &Settings, effective: &Effective) -> Result<(), Reason> {
    image_is_allowed(&effective.image, &settings.allowed_signer_images)?;
    removal_is_allowed(settings, effective.deletion_policy)
}

/// A finalizer that nobody may drop would hold up the deletion of a namespace for ever.
fn removal_is_allowed(settings: &Settings, policy: DeletionPolicy) -> Result<(), Reason> {
    if policy == DeletionPolicy::Retain || !settings.scope.is_strict() {
        return Ok(());
    }
    Err(Reason::new(
        reasons::REMOVE_NEEDS_CLUSTER_ROLE,
        "spec.deletionPolicy: found Remove, expected Retain, because the operator has Roles in its namespaces and nothing else (rbac.strict of the chart, --strict-rbac): a namespace that is deleted may lose the Role first, and then nobody could let this binding go. Use Retain, and `operator remove` once the binding is gone; or install without rbac.strict",
    ))
}

/// Whoever creates bindings decides what runs beside the node, so the choice of images is the operator's.
pub fn image_is_allowed(image: &str, allowed: &[String]) -> Result<(), Reason> {
    if allowed.iter().any(|prefix| begins_with(image, prefix)) {
        return Ok(());
    }
    Err(Reason::new(
        reasons::IMAGE_NOT_ALLOWED,
        format!(
            "spec.signer.image: found {image}, expected an image that begins with one of: {}; use such an image, or start the operator with its prefix in --allowed-signer-images",
            allowed.join(", ")
        ),
    ))
}

/// A prefix ends at a separator: `registry/signer` allows `registry/signer:1` and not `registry/signer-of-somebody:1`.
fn begins_with(image: &str, prefix: &str) -> bool {
    image.strip_prefix(prefix).is_some_and(|rest| {
        rest.is_empty()
            || prefix.ends_with(['/', ':', '@'])
            || rest.starts_with(['/', '@'])
            // Behind a host alone, a colon begins a port and not a tag.
            || (rest.starts_with(':') && prefix.contains('/'))
    })
}

/// One binding serves a Deployment: the oldest, then the first by name.
pub fn nobody_was_first(target: &ObservedTarget) -> Result<(), Reason> {
    let Some(first) = target
        .rivals
        .iter()
        .filter(|rival| rival.is_older)
        .map(|rival| &rival.name)
        .min()
    else {
        return Ok(());
    };
    Err(Reason::new(
        reasons::TARGET_TAKEN,
        format!(
            "SignerBinding {first}, which is older, is for Deployment {} as well, and only one can be; see its status, and delete one of the two",
            target.name
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_of_an_image_ends_at_a_separator() {
        for (image, prefix, expected) in [
            ("registry.example/signer:1", "registry.example/signer", true),
            ("registry.example/signer@sha256:00", "registry.example/signer", true),
            ("registry.example/signer", "registry.example/signer", true),
            ("registry.example/team/signer:1", "registry.example/team/", true),
            (
                "registry.example/signer-of-somebody:1",
                "registry.example/signer",
                false,
            ),
            ("registry.example.evil/signer:1", "registry.example", false),
            ("registry.example:5000/signer:1", "registry.example", false),
            ("signer:1", "registry.example/", false),
        ] {
            assert_eq!(begins_with(image, prefix), expected, "{image} with {prefix}");
        }
    }
}
