//! The observed state of the cluster, from which the later steps decide.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crds::{DeletedDeployment, MOST_TARGETS, SecretKeyRef, SignerBinding, WrittenBy};
use serde_json::Value;

use super::deployment::LiveDeployment;
use crate::model::binding::was_injected;
use crate::model::pod::{InjectedPod, PodWithKey};
use crate::model::stray::Stray;
use crate::model::surroundings::Surroundings;

/// The observed state of the cluster, from which the later steps decide.
#[derive(Debug)]
pub struct Observed {
    pub binding: Arc<SignerBinding>,
    /// By name. A binding that names its Deployment has one target, even if it does not exist.
    pub targets: Vec<ObservedTarget>,
    /// Deployments of the selector that had a signer of the binding and do not exist now, the latest last.
    pub deleted: Vec<DeletedDeployment>,
    pub token: Token,
    pub local_key: LocalKeySecret,
    /// Variables of `spec.signer.env` whose Secret or key does not exist, with the reference.
    pub missing_sources: Vec<(String, SecretKeyRef)>,
    pub secret_versions: SecretVersions,
    pub same_key: SameKey,
    /// The ServiceAccounts of the pods, if the key requires something of them.
    pub accounts: Vec<Account>,
    /// Accounts with an annotation of the operator that the binding no longer asks for.
    pub leftovers: Vec<Leftover>,
    pub surroundings: Surroundings,
    /// Another operator that also writes the binding, and leaves it to this one.
    pub other_operator: Option<WrittenBy>,
}

impl Observed {
    /// Whether an init container of a pod still runs before the signer.
    pub fn a_signer_waits_its_turn(&self) -> bool {
        let mut pods = self.targets.iter().flat_map(|target| &target.pods);
        pods.any(|pod| pod.ahead.is_some())
    }

    /// The selected Deployments for which the status has no room, by name. Deployments with a signer of the binding keep their
    /// place, so that a new one does not displace a voter. The others are sorted by name.
    pub fn beyond_the_limit(&self) -> BTreeSet<&str> {
        let (selected, departed): (Vec<_>, Vec<_>) = self.targets.iter().partition(|target| target.is_selected());
        let room = MOST_TARGETS.saturating_sub(departed.len());
        if selected.len() <= room {
            return BTreeSet::new();
        }
        let (served, others): (Vec<_>, Vec<_>) = selected
            .into_iter()
            .partition(|target| was_injected(&self.binding, &target.name));
        let names = served.into_iter().chain(others).map(|target| target.name.as_str());
        names.skip(room).collect()
    }
}

/// Other users of a binding's key. The author of a binding may guess a key version, and must not learn other namespaces' names
/// from it, so there are only counts for those.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SameKey {
    /// Other bindings with the same key version in the same namespace, by name.
    pub here: Vec<String>,
    /// Number of such bindings in other namespaces.
    pub elsewhere: usize,
    /// Pods that sign with the key but belong to no Deployment of a binding.
    pub strays: Vec<Stray>,
}

/// A Deployment and its related objects.
#[derive(Debug)]
pub struct ObservedTarget {
    pub name: String,
    pub deployment: Option<LiveDeployment>,
    pub service: Option<Value>,
    pub rivals: Vec<Rival>,
    /// Its pods that run an injected template, by name.
    pub pods: Vec<InjectedPod>,
    /// Its pods with a running signer, including terminating ones.
    pub running: Vec<PodWithKey>,
    pub selection: Selection,
}

impl ObservedTarget {
    pub fn is_selected(&self) -> bool {
        self.selection == Selection::Selected
    }
}

/// How a Deployment relates to the binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// The binding names it.
    Selected,
    /// It has the binding's signer but no longer matches. If the binding asks for removal, this state lasts until it is done.
    Departs,
    /// It stopped matching earlier, and kept its signer. This stays so even if the policy changes.
    LetGo,
}

/// Another binding for the same Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    pub name: String,
    pub is_older: bool,
}

/// The ServiceAccount of a Deployment's pods.
#[derive(Debug, Clone)]
pub struct Account {
    pub name: String,
    /// Its metadata. None if it does not exist.
    pub live: Option<Value>,
    /// A pod with this account that belongs to no Deployment of the binding.
    pub outsider: Option<String>,
    /// Who needs its present annotation, which the operator wrote, although the binding asks for another one or none.
    pub needed_by: Option<String>,
}

/// A ServiceAccount with an annotation of the operator that the binding no longer asks for.
#[derive(Debug, Clone)]
pub struct Leftover {
    pub name: String,
    /// Its metadata.
    pub live: Value,
    /// Whether another user, or pods of an earlier template, still need it.
    pub is_needed: bool,
}

/// Whether the Secret with the key of the LOCAL backend exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalKeySecret {
    NotUsed,
    Found,
    SecretNotFound,
    KeyNotFound,
}

/// Uid and version of each Secret, by name. None if it does not exist.
pub type SecretVersions = BTreeMap<String, Option<(String, String)>>;

/// The state of the token, without the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    Found { fingerprint: String, bytes: usize },
    SecretNotFound,
    KeyNotFound,
    Empty,
    Weak { bytes: usize },
    Invalid,
}
