//! The Deployments of a binding, read in a constant number of requests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crds::conditions::reasons;
use crds::names::DEPLOYMENT_LABEL;
use crds::{DeletedDeployment, LabelSelector, SignerBinding, TargetStatus};
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::Value;

use super::rivals::Rivals;
use super::sources::Sources;
use crate::cluster::deadline;
use crate::controller::pods;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::observed::{ObservedTarget, Selection};
use crate::model::pod::{InjectedPod, PodWithKey};
use crate::template::names::MANAGED_BY;
use crate::template::names::{service_name, short_name};

/// More names would make a request too long for some proxies. Beyond this, all Services of the operator are listed.
const MOST_NAMED: usize = 20;

/// The Deployments of a binding.
#[derive(Default)]
pub struct Targets {
    /// Those that it names, and those that have its signer but no longer match.
    pub targets: Vec<ObservedTarget>,
    /// Those that its selector matched until they were deleted, the latest last. A Deployment that the binding names is a target,
    /// even if it does not exist.
    pub deleted: Vec<DeletedDeployment>,
}

/// The Deployments of a binding, by name.
pub async fn targets(sources: &Sources, binding: &SignerBinding) -> Result<Targets, Error> {
    let namespace = binding.namespace().unwrap_or_default();
    let Targets { mut targets, deleted } = match (&binding.spec.target.name, &binding.spec.target.selector) {
        (Some(name), _) => Targets {
            targets: vec![named(sources, &namespace, name).await?],
            ..Targets::default()
        },
        (None, Some(selector)) => selected(sources, &namespace, binding, selector).await?,
        (None, None) => Targets::default(),
    };
    let rivals = Rivals::observe(sources, binding, &targets).await?;
    for target in &mut targets {
        target.rivals = rivals.of(target);
        if let Some(live) = &target.deployment {
            (target.pods, target.running) = injected_pods(sources, live).await?;
        }
    }
    // Another binding has taken it over.
    targets.retain(|target| target.is_selected() || target.rivals.is_empty());
    targets.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(Targets { targets, deleted })
}

/// Read from the watch, because the signers' reports are also a moment old.
async fn injected_pods(sources: &Sources, live: &LiveDeployment) -> Result<(Vec<InjectedPod>, Vec<PodWithKey>), Error> {
    let label = short_name(live.name());
    let (mut found, mut running) = (vec![], vec![]);
    let candidates = sources
        .stores
        .pods
        .state_filter(|pod| pod.metadata.namespace.as_deref() == Some(live.namespace()) && pods::label(pod) == label);
    let mut owners = sources.owners.lookup(&sources.cluster);
    for pod in candidates {
        let is_owned = owners.is_owned(&pod, &[live]).await?;
        sources.answers.note(&pod, is_owned, Instant::now());
        if is_owned {
            found.extend(pods::injected(&pod, &sources.answers));
            running.extend(pods::running(&pod));
        }
    }
    found.sort_by(|left, right| left.name.cmp(&right.name));
    Ok((found, running))
}

async fn named(sources: &Sources, namespace: &str, name: &str) -> Result<ObservedTarget, Error> {
    Ok(ObservedTarget {
        name: name.to_owned(),
        deployment: sources.cluster.deployment(namespace, name).await?,
        service: service(sources, namespace, name).await?,
        rivals: vec![],
        pods: vec![],
        running: vec![],
        selection: Selection::Selected,
    })
}

async fn selected(
    sources: &Sources,
    namespace: &str,
    binding: &SignerBinding,
    selector: &LabelSelector,
) -> Result<Targets, Error> {
    let api = sources.cluster.deployments(namespace);
    let parameters = ListParams::default().labels(&selector.to_string());
    let found = deadline("list the Deployments", api.list(&parameters)).await?;
    let known: Vec<_> = binding.status.iter().flat_map(|status| &status.targets).collect();
    let found: Vec<_> = found
        .into_iter()
        .map(|object| untyped(object, "Deployment"))
        .collect::<Result<_, _>>()?;
    // A Deployment without a signer has no Service of the operator yet.
    let injected = found.iter().filter(|live| live.owns_signer());
    let mut names: BTreeSet<_> = injected.map(|live| live.name().to_owned()).collect();
    names.extend(
        known
            .iter()
            .filter(|known| known.injected)
            .map(|known| known.name.clone()),
    );
    let mut ours = our_services(sources, namespace, &names).await?;
    let mut targets = vec![];
    for live in found {
        let name = live.name().to_owned();
        let service = match ours.remove(&service_name(&name)) {
            Some(service) => Some(service),
            // A Service with that name may exist, with any owner.
            None => service(sources, namespace, &name).await?,
        };
        targets.push(ObservedTarget {
            deployment: Some(live),
            name,
            service,
            rivals: vec![],
            pods: vec![],
            running: vec![],
            selection: Selection::Selected,
        });
    }
    let listed: BTreeSet<_> = targets.iter().map(|target| target.name.clone()).collect();
    let deleted = binding.status.iter().flat_map(|status| &status.deleted_deployments);
    let mut deleted: Vec<_> = deleted
        .filter(|deleted| !listed.contains(&deleted.name))
        .cloned()
        .collect();
    let unlisted = known.into_iter().filter(|known| !listed.contains(&known.name));
    for known in unlisted.filter(|known| known.injected || known.last_hash.is_some()) {
        let TargetStatus {
            name,
            injected,
            reason,
            last_hash,
            ..
        } = known;
        let Some(live) = sources.cluster.deployment(namespace, name).await? else {
            deleted.extend(remembered(known));
            continue;
        };
        if !injected || !live.owns_signer() || live.is_terminating() {
            continue;
        }
        targets.push(ObservedTarget {
            // It may have begun to match between the two requests.
            selection: match reason.as_str() {
                _ if selector.matches(&live.labels()) => Selection::Selected,
                // A Deployment whose signer must still be removed is remembered.
                reasons::NO_LONGER_SELECTED if last_hash.is_none() => Selection::LetGo,
                _ => Selection::Departs,
            },
            service: ours.remove(&service_name(name)),
            deployment: Some(live),
            name: name.clone(),
            rivals: vec![],
            pods: vec![],
            running: vec![],
        });
    }
    Ok(Targets { targets, deleted })
}

/// The memory of a deleted Deployment, as long as it belonged to this binding.
fn remembered(known: &TargetStatus) -> Option<DeletedDeployment> {
    const OF_OTHERS: [&str; 2] = [reasons::NO_LONGER_SELECTED, reasons::TARGET_TAKEN];
    let last_hash = known.hash.as_ref().or(known.last_hash.as_ref())?;
    (!OF_OTHERS.contains(&known.reason.as_str())).then(|| DeletedDeployment {
        name: known.name.clone(),
        last_hash: last_hash.clone(),
    })
}

/// Items of a list carry neither kind nor version.
fn untyped(object: kube::api::DynamicObject, kind: &str) -> Result<LiveDeployment, Error> {
    let mut value = serde_json::to_value(object).map_err(Error::Encode)?;
    value["apiVersion"] = Value::from("apps/v1");
    value["kind"] = Value::from(kind);
    Ok(LiveDeployment::new(value))
}

/// The Services of these Deployments. For many Deployments, all of the operator's Services, but never as many as the other
/// bindings in the namespace.
async fn our_services(
    sources: &Sources,
    namespace: &str,
    deployments: &BTreeSet<String>,
) -> Result<BTreeMap<String, Value>, Error> {
    if deployments.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut labels = format!("{}={}", MANAGED_BY.0, MANAGED_BY.1);
    if deployments.len() <= MOST_NAMED {
        let names: Vec<_> = deployments.iter().map(|name| short_name(name)).collect();
        labels = format!("{labels},{DEPLOYMENT_LABEL} in ({})", names.join(","));
    }
    let ours = ListParams::default().labels(&labels);
    let api = sources.cluster.services(namespace);
    let found = deadline("list the Services", api.list(&ours)).await?;
    found
        .into_iter()
        .map(|service| {
            Ok((
                service.name_any(),
                serde_json::to_value(service).map_err(Error::Encode)?,
            ))
        })
        .collect()
}

async fn service(sources: &Sources, namespace: &str, deployment: &str) -> Result<Option<Value>, Error> {
    let api = sources.cluster.services(namespace);
    let found = deadline("get the Service", api.get_opt(&service_name(deployment))).await?;
    found.map(serde_json::to_value).transpose().map_err(Error::Encode)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deleted_deployment_is_remembered_if_it_had_a_signer_of_this_binding() {
        let of = |reason: &str, hashes: &Value| {
            let mut known =
                json!({"name": "a", "injected": true, "pods": 1, "ready": 0, "reason": reason, "message": ""});
            for (field, hash) in hashes.as_object().into_iter().flatten() {
                known[field] = hash.clone();
            }
            let known: TargetStatus = serde_json::from_value(known).unwrap();
            remembered(&known).map(|deleted| deleted.last_hash)
        };
        assert_eq!(of("Ready", &json!({"hash": "h"})).as_deref(), Some("h"));
        assert_eq!(of("ApprovalPending", &json!({"lastHash": "l"})).as_deref(), Some("l"));
        assert_eq!(of("Ready", &json!({})), None);
        // It lost its labels first, or another binding serves it.
        assert_eq!(of("NoLongerSelected", &json!({"lastHash": "l"})), None);
        assert_eq!(of("TargetTaken", &json!({"hash": "h"})), None);
    }
}
