//! Pods that sign with the key of a binding and belong to no Deployment of one. Labels do not decide it: those of a copy are as good as
//! the voter's own.

use crds::SignerBinding;
use crds::conditions::reasons;
use kube::ResourceExt;

use super::owners::Owner;
use super::sources::Sources;
use crate::controller::pods;
use crate::model::error::Error;
use crate::model::observed::ObservedTarget;
use crate::model::stray::Stray;
use crate::model::text::one_line;
use crate::template::names::short_name;

/// Names come from outside and go into a status.
const LONGEST_NAME: usize = 253;

/// Who runs such pods, by namespace, kind and name.
///
/// # Errors
/// Fails if the API server does not say whose a pod is.
pub async fn strays(
    sources: &Sources,
    binding: &SignerBinding,
    targets: &[ObservedTarget],
) -> Result<Vec<Stray>, Error> {
    let deployments: Vec<_> = targets.iter().filter_map(|target| target.deployment.as_ref()).collect();
    let candidates = sources
        .stores
        .pods
        .state_filter(|pod| pods::has_key_of(pod, binding) && !pods::is_over(pod));
    let owners = sources.owners.lookup(&sources.cluster);
    let mut found: Vec<Stray> = vec![];
    for pod in candidates {
        let namespace = pod.namespace().unwrap_or_default();
        let by_label = |deployment: &str| short_name(deployment) == pods::label(&*pod);
        // The binding of another voter has asked already, and there a namespace may be about to go with the right to ask.
        if sources.answers.is_known_as_owned(&pod) && is_served(sources, &namespace, by_label) {
            continue;
        }
        let owner = match owners.stranger(&pod, &deployments).await {
            Err(error) if error.is_forbidden() && binding.metadata.namespace != pod.metadata.namespace => continue,
            owner => owner?,
        };
        let Some(Owner { kind, name }) = owner else { continue };
        if kind == "Deployment" && is_served(sources, &namespace, |deployment| deployment == name) {
            continue;
        }
        let uid = pod.uid().unwrap_or_default();
        let (kind, name) = (one_line(&kind, LONGEST_NAME), one_line(&name, LONGEST_NAME));
        let known = found
            .iter_mut()
            .find(|stray| (&stray.namespace, &stray.kind, &stray.name) == (&namespace, &kind, &name));
        match known {
            Some(stray) => stray.pods.push(uid),
            None => found.push(Stray {
                namespace,
                kind,
                name,
                label: pods::label(&*pod).to_owned(),
                pods: vec![uid],
            }),
        }
    }
    found.sort_by(|left, right| {
        (&left.namespace, &left.kind, &left.name).cmp(&(&right.namespace, &right.kind, &right.name))
    });
    let uid = binding.uid().unwrap_or_default();
    for stray in sources.stores.strays.note(&uid, &found) {
        let (own, namespace) = (
            format!("{}/{}", binding.namespace().unwrap_or_default(), binding.name_any()),
            &stray.namespace,
        );
        tracing::warn!(
            binding = own,
            namespace,
            "{} with the key of this binding, and no SignerBinding is for it: two voters with one key vote against each other",
            stray.runs()
        );
    }
    Ok(found)
}

/// Whether a binding is for such a Deployment: it warns of the key itself.
fn is_served(sources: &Sources, namespace: &str, is_meant: impl Fn(&str) -> bool) -> bool {
    let bindings = sources.stores.bindings.state_filter(|guarded| {
        let Ok(binding) = &guarded.0 else { return false };
        if binding.metadata.namespace.as_deref() != Some(namespace) {
            return false;
        }
        let reported = binding.status.iter().flat_map(|status| &status.targets);
        let kept = reported.filter(|target| target.reason != reasons::NO_LONGER_SELECTED);
        let mut names = binding.spec.target.name.iter().chain(kept.map(|target| &target.name));
        names.any(|name| is_meant(name))
    });
    !bindings.is_empty()
}
