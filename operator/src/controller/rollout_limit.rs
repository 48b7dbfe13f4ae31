//! Limits how many Deployments roll at once. A waiting Deployment is woken when another one finishes. A changed token goes first,
//! because until the rollout, a container that restarts alone has a different token from the other one.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crds::SignerBinding;
use futures::channel::mpsc::UnboundedSender;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::model::binding::BindingRef;
use crate::model::deployment::LiveDeployment;

/// Deployments that roll, and Deployments that wait.
#[derive(Clone)]
pub struct RolloutLimit {
    most: Option<NonZeroUsize>,
    wake: UnboundedSender<BindingRef>,
    queue: Arc<Mutex<Queue>>,
}

/// Kubernetes' own default. A Deployment without a deadline of its own that makes no progress keeps its place for this long.
const DEADLINE: Duration = Duration::from_mins(10);
/// Longer than the longest pause between reconciles of a binding. If a binding cannot be checked, it is unknown whether its
/// Deployment still rolls.
const LOOKED_AT: Duration = Duration::from_mins(15);

/// Who decides that a rollout makes no progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// Kubernetes, by `spec.progressDeadlineSeconds`.
    OfTheDeployment,
    /// This operator.
    Ours,
}

/// A Deployment of a binding that rolls.
#[derive(Clone, Copy)]
struct Place {
    since: Instant,
    seen: Instant,
    deadline: Deadline,
}

impl Place {
    fn is_taken(&self, now: Instant) -> bool {
        let age = |time| now.saturating_duration_since(time);
        age(self.seen) < LOOKED_AT && (self.deadline == Deadline::OfTheDeployment || age(self.since) < DEADLINE)
    }
}

#[derive(Default)]
struct Queue {
    rolling: HashMap<BindingRef, BTreeMap<String, Place>>,
    /// Waiting Deployments; the value tells whether it is for a token.
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

    /// Records which Deployments of a binding roll now, according to the cluster.
    pub fn observe(&self, binding: &SignerBinding, rolling: BTreeMap<String, Deadline>, now: Instant) {
        if self.most.is_none() {
            return;
        }
        let binding = key(binding);
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let before = queue.rolling(now);
        queue.waiting.remove(&binding);
        let places = queue.rolling.remove(&binding).unwrap_or_default();
        let places = rolling.into_iter().map(|(name, deadline)| {
            let since = places.get(&name).map_or(now, |place| place.since);
            let place = Place {
                since,
                seen: now,
                deadline,
            };
            (name, place)
        });
        let places: BTreeMap<_, _> = places.collect();
        if !places.is_empty() {
            queue.rolling.insert(binding, places);
        }
        if queue.rolling(now) < before {
            self.wake_all(&queue);
        }
    }

    fn wake_all(&self, queue: &Queue) {
        for waiting in queue.waiting.keys() {
            // The receiver is dropped when the operator stops.
            let _ = self.wake.unbounded_send(waiting.clone());
        }
    }

    /// Releases the place of a Deployment that was not written after all.
    pub fn give_back(&self, binding: &SignerBinding, deployment: &str, now: Instant) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let before = queue.rolling(now);
        if let Some(places) = queue.rolling.get_mut(&key(binding)) {
            places.remove(deployment);
        }
        if queue.rolling(now) < before {
            self.wake_all(&queue);
        }
    }

    /// Releases the places of bindings that no longer exist, because nothing reports their deletion.
    pub fn forget(&self, exists: impl Fn(&BindingRef) -> bool) {
        if self.most.is_none() {
            return;
        }
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.rolling.retain(|binding, _| exists(binding));
        queue.waiting.retain(|binding, _| exists(binding));
    }

    /// Takes a place for a Deployment, or notes that it waits for one.
    pub fn may_start(&self, binding: &SignerBinding, deployment: &str, for_token: bool, now: Instant) -> bool {
        let Some(most) = self.most else {
            return true;
        };
        let binding = key(binding);
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let rolls = queue
            .rolling
            .get(&binding)
            .is_some_and(|names| names.contains_key(deployment));
        if rolls {
            return true;
        }
        let is_free = queue.rolling(now) < most.get() && (for_token || !queue.a_token_waits());
        if is_free {
            let place = Place {
                since: now,
                seen: now,
                deadline: Deadline::OfTheDeployment,
            };
            queue
                .rolling
                .entry(binding)
                .or_default()
                .insert(deployment.to_owned(), place);
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
    fn rolling(&self, now: Instant) -> usize {
        let places = self.rolling.values().flat_map(BTreeMap::values);
        places.filter(|place| place.is_taken(now)).count()
    }

    fn a_token_waits(&self) -> bool {
        self.waiting
            .values()
            .any(|names| names.values().any(|for_token| *for_token))
    }
}

/// Whether pods of an injected Deployment are being replaced, and who decides that the rollout makes no progress, which releases
/// its place.
pub fn rolls(live: &LiveDeployment) -> Option<Deadline> {
    if live.injected_hash().is_none() || live.is_paused() || live.replicas() == 0 {
        return None;
    }
    if live.condition("Progressing", "False").is_some() {
        return None;
    }
    match live.condition("Progressing", "True") {
        Some(("NewReplicaSetAvailable", _)) if live.is_observed() => None,
        Some(_) => Some(Deadline::OfTheDeployment),
        // Kubernetes removes the condition if `progressDeadlineSeconds` is the maximum.
        None => {
            let counts = ["replicas", "updatedReplicas", "availableReplicas"].map(|field| live.count(field));
            let is_done = live.is_observed() && counts == [live.replicas(); 3];
            (!is_done).then_some(Deadline::Ours)
        }
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
        let now = Instant::now();
        let may_start = |binding: &SignerBinding, for_token| rollouts.may_start(binding, "voter", for_token, now);
        let rolls = |deadline| BTreeMap::from([("voter".to_owned(), deadline)]);
        assert!(may_start(&first, false));
        assert!(may_start(&first, false), "it rolls already");
        assert!(!may_start(&second, false));
        assert!(!may_start(&third, true));
        rollouts.observe(&first, rolls(Deadline::OfTheDeployment), now);
        assert!(woken.try_recv().is_err(), "nothing is done yet");
        rollouts.observe(&first, BTreeMap::new(), now);
        assert!(woken.try_recv().is_ok() && woken.try_recv().is_ok());
        assert!(!may_start(&second, false), "a token waits");
        assert!(may_start(&third, true));
        rollouts.observe(&third, BTreeMap::new(), now);
        assert!(may_start(&second, false));
        assert!(!may_start(&first, false));
        rollouts.forget(|binding| binding.name != "b");
        assert!(may_start(&first, false), "the binding that rolled is gone");

        assert!(!may_start(&second, false));
        while woken.try_recv().is_ok() {}
        rollouts.give_back(&second, "voter", now);
        assert!(woken.try_recv().is_err(), "it had no place");
        rollouts.give_back(&first, "voter", now);
        assert!(woken.try_recv().is_ok());
        assert!(may_start(&second, false), "what was refused keeps no place");
        rollouts.give_back(&second, "voter", now);
        assert!(may_start(&first, false));

        // A rolling Deployment that is checked keeps its place, unless this operator decides that it makes no progress.
        let mut later = now;
        for (deadline, gives_its_place_away) in [(Deadline::OfTheDeployment, false), (Deadline::Ours, true)] {
            let mut looked_at = later;
            for _ in 0..3 {
                looked_at = later;
                rollouts.observe(&first, rolls(deadline), looked_at);
                later += LOOKED_AT.saturating_sub(Duration::from_secs(1));
            }
            let is_free = rollouts.may_start(
                &second,
                "voter",
                false,
                looked_at + LOOKED_AT.saturating_sub(Duration::from_secs(2)),
            );
            assert_eq!(is_free, gives_its_place_away, "{deadline:?}");
        }
        rollouts.observe(&second, rolls(Deadline::OfTheDeployment), later);
        rollouts.observe(&first, BTreeMap::new(), later);
        assert!(!rollouts.may_start(&third, "voter", false, later));
        let later = later + LOOKED_AT;
        assert!(
            rollouts.may_start(&third, "voter", false, later),
            "nobody knows of it any more"
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
        assert_eq!(of("ReplicaSetUpdated", "True"), Some(Deadline::OfTheDeployment));
        assert_eq!(of("NewReplicaSetAvailable", "True"), None);
        assert_eq!(of("ProgressDeadlineExceeded", "False"), None);
    }

    #[test]
    fn without_a_deadline_it_rolls_until_the_counts_are_right() {
        let of = |observed: i64, counts: [i64; 3]| {
            let [replicas, updated, available] = counts;
            rolls(&LiveDeployment::new(json!({
                "metadata": {"generation": 2},
                "spec": {"replicas": 2, "template": {"metadata": {"annotations": {"signer.atto.cash/hash": "h"}}}},
                "status": {
                    "observedGeneration": observed, "replicas": replicas,
                    "updatedReplicas": updated, "availableReplicas": available,
                    "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}],
                },
            })))
        };
        assert_eq!(of(2, [2, 2, 2]), None);
        for (observed, counts) in [(1, [2, 2, 2]), (2, [3, 2, 2]), (2, [2, 1, 2]), (2, [2, 2, 1])] {
            assert_eq!(of(observed, counts), Some(Deadline::Ours), "{observed} {counts:?}");
        }
    }
}
