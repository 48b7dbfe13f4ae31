//! How many Deployments roll at once. Whoever has to wait is woken when another one is done; a token that was changed goes
//! first, because until then a container that restarts alone has another token than its neighbour.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use crds::SignerBinding;
use futures::channel::mpsc::UnboundedSender;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::model::binding::BindingRef;
use crate::model::deployment::LiveDeployment;

/// The Deployments that roll, and those that wait for their turn.
#[derive(Clone)]
pub struct RolloutLimit {
    most: Option<NonZeroUsize>,
    wake: UnboundedSender<BindingRef>,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    rolling: HashMap<BindingRef, BTreeSet<String>>,
    /// Whether it is for a token.
    waiting: HashMap<BindingRef, HashMap<String, bool>>,
}

impl RolloutLimit {
    pub fn new(most: Option<NonZeroUsize>, wake: UnboundedSender<BindingRef>) -> Self {
        Self {
            most,
            wake,
            queue: Arc::default(),
        }
    }

    pub fn most(&self) -> usize {
        self.most.map_or(usize::MAX, NonZeroUsize::get)
    }

    /// Takes note of which Deployments of a binding roll now, as the cluster shows it.
    pub fn observe(&self, binding: &SignerBinding, rolling: BTreeSet<String>) {
        if self.most.is_none() {
            return;
        }
        let binding = key(binding);
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let before = queue.rolling();
        queue.waiting.remove(&binding);
        if rolling.is_empty() {
            queue.rolling.remove(&binding);
        } else {
            queue.rolling.insert(binding, rolling);
        }
        if queue.rolling() < before {
            for waiting in queue.waiting.keys() {
                // The other end is gone when the operator stops.
                let _ = self.wake.unbounded_send(waiting.clone());
            }
        }
    }

    /// Gives back the places of bindings that are gone: nothing tells of their end.
    pub fn forget(&self, exists: impl Fn(&BindingRef) -> bool) {
        if self.most.is_none() {
            return;
        }
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.rolling.retain(|binding, _| exists(binding));
        queue.waiting.retain(|binding, _| exists(binding));
    }

    /// Takes a place for a Deployment, or notes that it waits for one.
    pub fn may_start(&self, binding: &SignerBinding, deployment: &str, for_token: bool) -> bool {
        let Some(most) = self.most else {
            return true;
        };
        let binding = key(binding);
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let rolls = queue
            .rolling
            .get(&binding)
            .is_some_and(|names| names.contains(deployment));
        if rolls {
            return true;
        }
        let is_free = queue.rolling() < most.get() && (for_token || !queue.a_token_waits());
        if is_free {
            queue.rolling.entry(binding).or_default().insert(deployment.to_owned());
        } else {
            let waiting = queue.waiting.entry(binding).or_default();
            waiting.insert(deployment.to_owned(), for_token);
        }
        is_free
    }
}

fn key(binding: &SignerBinding) -> BindingRef {
    ObjectRef::new(&binding.name_any()).within(&binding.namespace().unwrap_or_default())
}

impl Queue {
    fn rolling(&self) -> usize {
        self.rolling.values().map(BTreeSet::len).sum()
    }

    fn a_token_waits(&self) -> bool {
        self.waiting
            .values()
            .any(|names| names.values().any(|for_token| *for_token))
    }
}

/// Whether pods of an injected Deployment are being replaced. One that does not get on any more gives its place away.
pub fn rolls(live: &LiveDeployment) -> bool {
    if live.injected_hash().is_none() || live.is_paused() || live.replicas() == 0 {
        return false;
    }
    match (
        live.condition("Progressing", "True"),
        live.condition("Progressing", "False"),
    ) {
        (_, Some(_)) => false,
        (Some(("NewReplicaSetAvailable", _)), _) => !live.is_observed(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_goes_first_and_whoever_waits_is_woken() {
        let (wake, mut woken) = futures::channel::mpsc::unbounded();
        let rollouts = RolloutLimit::new(NonZeroUsize::new(1), wake);
        let binding = |name: &str| {
            let mut binding: SignerBinding = serde_json::from_value(json!({
                "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding", "metadata": {"namespace": "atto"},
                "spec": {
                    "target": {"name": "voter"}, "capabilities": ["VOTE"], "tokenSecretRef": {"name": "t", "key": "k"},
                    "key": {"local": {"secretRef": {"name": "s", "key": "k"}}},
                },
            }))
            .unwrap();
            binding.metadata.name = Some(name.to_owned());
            binding
        };
        let (first, second, third) = (binding("a"), binding("b"), binding("c"));
        assert!(rollouts.may_start(&first, "voter", false));
        assert!(rollouts.may_start(&first, "voter", false), "it rolls already");
        assert!(!rollouts.may_start(&second, "voter", false));
        assert!(!rollouts.may_start(&third, "voter", true));
        rollouts.observe(&first, BTreeSet::from(["voter".to_owned()]));
        assert!(woken.try_recv().is_err(), "nothing is done yet");
        rollouts.observe(&first, BTreeSet::new());
        assert!(woken.try_recv().is_ok() && woken.try_recv().is_ok());
        assert!(!rollouts.may_start(&second, "voter", false), "a token waits");
        assert!(rollouts.may_start(&third, "voter", true));
        rollouts.observe(&third, BTreeSet::new());
        assert!(rollouts.may_start(&second, "voter", false));
        assert!(!rollouts.may_start(&first, "voter", false));
        rollouts.forget(|binding| binding.name != "b");
        assert!(
            rollouts.may_start(&first, "voter", false),
            "the binding that rolled is gone"
        );
    }

    #[test]
    fn rolls_until_the_controller_says_that_it_is_done() {
        let of = |reason: &str, status: &str| {
            rolls(&LiveDeployment::new(json!({
                "metadata": {"generation": 1},
                "spec": {"template": {"metadata": {"annotations": {"signer.atto.cash/hash": "h"}}}},
                "status": {"observedGeneration": 1, "conditions": [
                    {"type": "Progressing", "status": status, "reason": reason},
                ]},
            })))
        };
        assert!(of("ReplicaSetUpdated", "True"));
        assert!(!of("NewReplicaSetAvailable", "True"));
        assert!(!of("ProgressDeadlineExceeded", "False"));
    }
}
