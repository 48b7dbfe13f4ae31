//! Pods that sign with the key of a binding but belong to no Deployment of a binding. Labels do not prove ownership, because a
//! copied template has the same ones.

use crds::SignerBinding;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::Api;

use super::owners::Owner;
use super::served::Served;
use super::sources::Sources;
use crate::cluster::deadline;
use crate::controller::pods;
use crate::model::error::Error;
use crate::model::observed::ObservedTarget;
use crate::model::stray::Stray;
use crate::model::text::one_line;

/// Maximum length of a name in a status; names come from outside.
const LONGEST_NAME: usize = 253;

/// The owners of such pods, by namespace, kind and name.
///
/// # Errors
/// Fails if the API server does not report the owner of a pod.
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
    let served = Served::of(&sources.stores.bindings.state(), binding);
    let owners = sources.owners.lookup(&sources.cluster);
    let mut found: Vec<Stray> = vec![];
    for pod in candidates {
        let namespace = pod.namespace().unwrap_or_default();
        // The other binding checks the owner, and warns.
        if served.is_by_label_of_another(&namespace, pods::label(&*pod)) {
            continue;
        }
        let owner = match owners.stranger(&pod, &deployments).await {
            Err(error) if error.is_forbidden() && binding.metadata.namespace != pod.metadata.namespace => continue,
            owner => owner?,
        };
        let Some(Owner { kind, name }) = owner else { continue };
        let (kind, name) = (one_line(&kind, LONGEST_NAME), one_line(&name, LONGEST_NAME));
        let uid = pod.uid().unwrap_or_default();
        let known = found
            .iter_mut()
            .find(|stray| (&stray.namespace, &stray.kind, &stray.name) == (&namespace, &kind, &name));
        if let Some(stray) = known {
            stray.pods.push(uid);
            continue;
        }
        if kind == "Deployment"
            && (served.has(&namespace, &name) || is_selected(sources, binding, &namespace, &name).await?)
        {
            continue;
        }
        found.push(Stray {
            namespace,
            kind,
            name,
            label: pods::label(&*pod).to_owned(),
            pods: vec![uid],
        });
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
            "{} with the key of this binding, and no SignerBinding names it: two voters with one key vote against each other",
            stray.runs()
        );
    }
    Ok(found)
}

/// Whether a binding selects this Deployment, even if its status does not report it yet.
async fn is_selected(sources: &Sources, own: &SignerBinding, namespace: &str, name: &str) -> Result<bool, Error> {
    let by_label = |binding: &SignerBinding| {
        binding.metadata.namespace.as_deref() == Some(namespace) && binding.spec.target.name.is_none()
    };
    let bindings = sources
        .stores
        .bindings
        .state_filter(|guarded| guarded.0.as_ref().is_ok_and(by_label));
    if bindings.is_empty() {
        return Ok(false);
    }
    let api: Api<Deployment> = Api::namespaced(sources.cluster.client(), namespace);
    let deployment = match deadline("get the Deployment", api.get_metadata_opt(name)).await {
        Err(error) if error.is_forbidden() && own.metadata.namespace.as_deref() != Some(namespace) => None,
        found => found?,
    };
    let Some(deployment) = deployment else { return Ok(false) };
    let mut bindings = bindings.iter().filter_map(|guarded| guarded.0.as_ref().ok());
    Ok(bindings.any(|binding| binding.spec.target.selects(name, deployment.labels())))
}
