//! Decides whether the operator can act on a binding.

use std::collections::BTreeSet;

use crds::conditions::reasons;
use crds::{DeletionPolicy, Effective, MOST_TARGETS};

use crate::model::observed::{Observed, ObservedTarget};
use crate::model::reason::Reason;
use crate::model::settings::Settings;

pub fn accepted(settings: &Settings, effective: &Effective) -> Result<(), Reason> {
    image_is_allowed(&effective.image, &settings.allowed_signer_images)?;
    removal_is_allowed(settings, effective.deletion_policy)
}

/// A finalizer that may not be removed would block the deletion of a namespace without end.
fn removal_is_allowed(settings: &Settings, policy: DeletionPolicy) -> Result<(), Reason> {
    if policy == DeletionPolicy::Retain || !settings.scope.is_strict() {
        return Ok(());
    }
    Err(Reason::new(
        reasons::REMOVE_NEEDS_CLUSTER_ROLE,
        "spec.deletionPolicy: found Remove, expected Retain, because the operator only has Roles in its namespaces (rbac.strict of the chart, --strict-rbac). A namespace that is deleted may lose the Role first, and then the binding's finalizer could not be removed. Use Retain, and `operator remove` once the binding is gone; or install without rbac.strict",
    ))
}

/// The author of a binding chooses the image that runs next to the node, so the operator restricts the images.
pub fn image_is_allowed(image: &str, allowed: &[String]) -> Result<(), Reason> {
    if allowed.iter().any(|prefix| begins_with(image, prefix)) {
        return Ok(());
    }
    Err(Reason::new(
        reasons::IMAGE_NOT_ALLOWED,
        format!(
            "spec.signer.image: found {image}, expected an image that begins with one of: {}. Use such an image, or start the operator with its prefix in --allowed-signer-images",
            allowed.join(", ")
        ),
    ))
}

/// A prefix ends at a separator: `registry/signer` allows `registry/signer:1` but not `registry/signer-of-somebody:1`.
fn begins_with(image: &str, prefix: &str) -> bool {
    image.strip_prefix(prefix).is_some_and(|rest| {
        rest.is_empty()
            || prefix.ends_with(['/', ':', '@'])
            || rest.starts_with(['/', '@'])
            // After a host alone, a colon begins a port and not a tag.
            || (rest.starts_with(':') && prefix.contains('/'))
    })
}

/// Only one binding serves a Deployment: the oldest, then the first by name.
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
            "Deployment {}: found the older SignerBinding {first}, expected one binding for each Deployment. Delete this one. If you delete the older one instead, make sure first that its spec.deletionPolicy is Retain: Remove takes the signer out of the voter",
            target.name
        ),
    ))
}

/// Without an entry in the status, the operator could not hold, repair or release a Deployment.
pub fn is_within_the_limit(
    observed: &Observed,
    beyond: &BTreeSet<&str>,
    target: &ObservedTarget,
) -> Result<(), Reason> {
    let Some(first) = beyond.first().filter(|_| beyond.contains(target.name.as_str())) else {
        return Ok(());
    };
    let selected = observed.targets.iter().filter(|target| target.is_selected());
    Err(Reason::new(
        reasons::TOO_MANY_TARGETS,
        format!(
            "spec.target.selector: found {} Deployments, expected at most {MOST_TARGETS} for one binding. {} of them get no signer; the first is {first}. Divide them among several bindings with narrower selectors",
            selected.count(),
            beyond.len()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::model::observed::{LocalKeySecret, SameKey, Selection, Token};
    use crate::model::surroundings::Surroundings;

    /// Deployments `d000`, `d001` and so on. In the status, the last one is injected.
    fn selected(count: usize, departed: usize) -> Observed {
        let names: Vec<_> = (0..count).map(|index| format!("d{index:03}")).collect();
        let last = names.last().map(
            |name| json!([{"name": name, "injected": true, "pods": 1, "ready": 1, "reason": "Ready", "message": ""}]),
        );
        let binding = json!({
            "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding", "metadata": {"name": "all"},
            "spec": {
                "target": {"selector": {"matchLabels": {"a": "b"}}}, "capabilities": ["VOTE"],
                "tokenSecretRef": {"name": "t", "key": "k"}, "key": {"local": {"secretRef": {"name": "s", "key": "k"}}},
            },
            "status": {"targets": last},
        });
        let targets = names.into_iter().enumerate().map(|(index, name)| ObservedTarget {
            name,
            deployment: None,
            service: None,
            rivals: vec![],
            pods: vec![],
            running: vec![],
            selection: if index < departed {
                Selection::LetGo
            } else {
                Selection::Selected
            },
        });
        Observed {
            binding: Arc::new(serde_json::from_value(binding).unwrap()),
            targets: targets.collect(),
            token: Token::Empty,
            local_key: LocalKeySecret::NotUsed,
            missing_sources: vec![],
            secret_versions: [].into(),
            same_key: SameKey::default(),
            accounts: vec![],
            leftovers: vec![],
            surroundings: Surroundings::default(),
            deleted: vec![],
            other_operator: None,
        }
    }

    #[test]
    fn what_the_status_has_no_room_for_is_refused_and_nothing_that_is_served() {
        assert_eq!(selected(256, 0).beyond_the_limit(), BTreeSet::new());
        let observed = selected(258, 0);
        let beyond = observed.beyond_the_limit();
        assert_eq!(beyond, BTreeSet::from(["d255", "d256"]), "the last one has a signer");
        let of = |index: usize| is_within_the_limit(&observed, &beyond, &observed.targets[index]);
        assert!(of(0).is_ok() && of(257).is_ok());
        let refusal = of(255).unwrap_err();
        assert_eq!(refusal.code, reasons::TOO_MANY_TARGETS);
        for part in ["258", "256", "2 of them", "d255"] {
            assert!(refusal.message.contains(part), "{}", refusal.message);
        }
        // Released Deployments also have an entry.
        assert_eq!(selected(258, 2).beyond_the_limit().len(), 2);
        assert_eq!(selected(256, 256).beyond_the_limit(), BTreeSet::new());
    }

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
