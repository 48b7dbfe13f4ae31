//! What was read of the cluster: all that the later steps decide from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crds::{MOST_TARGETS, SecretKeyRef, SignerBinding, WrittenBy};
use serde_json::Value;

use super::deployment::LiveDeployment;
use crate::model::binding::was_injected;
use crate::model::pod::{InjectedPod, PodWithKey};
use crate::model::stray::Stray;
use crate::model::surroundings::Surroundings;

/// Everything that the later steps decide from.
#[derive(Debug)]
pub struct Observed {
    pub binding: Arc<SignerBinding>,
    /// By name. A binding that names its Deployment has one, also where it does not exist.
    pub targets: Vec<ObservedTarget>,
    pub token: Token,
    pub local_key: LocalKeySecret,
    /// Variables of `spec.signer.env` whose Secret or key is not there, with what they name.
    pub missing_sources: Vec<(String, SecretKeyRef)>,
    pub secret_versions: SecretVersions,
    pub same_key: SameKey,
    /// The ServiceAccounts of the pods, where the key is in Google Cloud.
    pub accounts: Vec<Account>,
    /// Those that carry an annotation of the operator which the binding does not ask for.
    pub leftovers: Vec<Leftover>,
    pub surroundings: Surroundings,
    /// Another operator that writes the binding as well, and leaves it to this one.
    pub other_operator: Option<WrittenBy>,
}

impl Observed {
    /// Whether a pod is still at an init container that stands before its signer.
    pub fn a_signer_waits_its_turn(&self) -> bool {
        let mut pods = self.targets.iter().flat_map(|target| &target.pods);
        pods.any(|pod| pod.ahead.is_some())
    }

    /// The selected Deployments that the status has no room for, by name. Those with a signer of the binding keep their place, so that a
    /// new one takes nothing from a voter; the others have theirs by name.
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

/// Who else has the key of a binding. Anyone who may write a binding may guess a key version, and must not learn by it what others
/// call theirs: of other namespaces there are counts alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SameKey {
    /// Other bindings with the same key version: by name, those of the same namespace.
    pub here: Vec<String>,
    /// How many there are in other namespaces.
    pub elsewhere: usize,
    /// Pods that sign with the key and belong to no Deployment of a binding.
    pub strays: Vec<Stray>,
}

/// One Deployment and what belongs to it.
#[derive(Debug)]
pub struct ObservedTarget {
    pub name: String,
    pub deployment: Option<LiveDeployment>,
    pub service: Option<Value>,
    pub rivals: Vec<Rival>,
    /// Its pods that run an injected template, by name.
    pub pods: Vec<InjectedPod>,
    /// Its pods whose signer runs, with those that are on their way out.
    pub running: Vec<PodWithKey>,
    pub selection: Selection,
}

impl ObservedTarget {
    pub fn is_selected(&self) -> bool {
        self.selection == Selection::Selected
    }
}

/// What a Deployment is to the binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// The binding is for it.
    Selected,
    /// It carries the binding's signer and has stopped to match; where the binding asks for removal, until that is done.
    Departs,
    /// It has stopped to match before, and kept its signer. That decision stands, whatever the policy becomes.
    LetGo,
}

/// Another binding that is for the same Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    pub name: String,
    pub is_older: bool,
}

/// The ServiceAccount of a Deployment's pods.
#[derive(Debug, Clone)]
pub struct Account {
    pub name: String,
    /// Its metadata; none where it does not exist.
    pub live: Option<Value>,
    /// A pod that uses it and is not of a Deployment of the binding.
    pub outsider: Option<String>,
    /// Who needs its annotation, which is the operator's, as it is, although the binding asks for another one or for none.
    pub needed_by: Option<String>,
}

/// A ServiceAccount with an annotation of the operator that the binding does not ask for any more.
#[derive(Debug, Clone)]
pub struct Leftover {
    pub name: String,
    /// Its metadata.
    pub live: Value,
    /// Whether somebody needs it anyway, or pods of an earlier template do.
    pub is_needed: bool,
}

/// Whether the Secret with the key of the LOCAL backend is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalKeySecret {
    NotUsed,
    Found,
    SecretNotFound,
    KeyNotFound,
}

/// Uid and version of each Secret, by name; none where it does not exist.
pub type SecretVersions = BTreeMap<String, Option<(String, String)>>;

/// What is known of the token. Never the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    Found { fingerprint: String, bytes: usize },
    SecretNotFound,
    KeyNotFound,
    Empty,
    Weak { bytes: usize },
    Invalid,
}
